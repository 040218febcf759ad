import { join } from 'node:path';
import { ClientFuzz } from './fuzz-client.ts';
import { ServerFuzz } from './fuzz-server.ts';

export interface FuzzOptions {
  readonly cases: number;
  readonly seed: number;
  /** For sockets. */
  readonly folder: string;
  readonly onProgress?: (done: number) => void;
}

/** The seed of a case that went wrong, alone, shows it again with `--cases 1`. */
export interface FuzzProblem {
  readonly side: 'server' | 'client';
  readonly seed: number;
  readonly what: string;
}

const AT_ONCE = 8;

/** Runs cases against both parsers, half and half. */
export async function fuzzNbd(options: FuzzOptions): Promise<readonly FuzzProblem[]> {
  const { cases, seed, folder, onProgress } = options;
  const problems: FuzzProblem[] = [];
  const unhandled = (error: unknown) => {
    problems.push({ side: 'client', seed, what: `nobody handles: ${String(error)}` });
  };
  process.on('unhandledRejection', unhandled);
  await using server = new ServerFuzz(join(folder, 'server'));
  await server.start();
  const clients = Array.from({ length: AT_ONCE }, (_, i) => new ClientFuzz(join(folder, `${i}`)));
  await using stack = new AsyncDisposableStack();
  for (const client of clients) {
    stack.use(client);
    await client.start();
  }
  const note = (side: FuzzProblem['side'], at: number, what: string | undefined) => {
    if (what !== undefined) problems.push({ side, seed: at, what });
  };
  for (let done = 0; done < cases; done += AT_ONCE * 2) {
    const seeds = Array.from({ length: AT_ONCE }, (_, i) => seed + done / 2 + i);
    const judged = seeds.map(async (at) => note('server', at, await server.run(at)));
    const used = clients.map(async (client, i) =>
      note('client', seeds[i]!, await client.run(seeds[i]!)),
    );
    await Promise.all([...judged, ...used]);
    onProgress?.(done);
  }
  process.off('unhandledRejection', unhandled);
  return problems;
}
