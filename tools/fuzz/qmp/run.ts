import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QmpControl } from '@tidemark/qmp';
import { startDaemon } from '../../programs.ts';
import { Random } from '../random.ts';
import { fuzzClient } from './client.ts';

export interface FuzzOptions {
  /** Requests of all clients together. */
  readonly requests: number;
  readonly clients: number;
  readonly seed: number;
}

/** Fuzzes a daemon that is built. @returns what is wrong; nothing where all is well */
export async function fuzzQmp({
  requests,
  clients,
  seed,
}: FuzzOptions): Promise<readonly string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'tidemark-fuzz-'));
  const path = join(dir, 'qmp.sock');
  const memory = (name: string) => ['--blockdev', `driver=memory,node-name=${name},size=1048576`];
  const daemon = await startDaemon(
    ...[...memory('a'), ...memory('b')],
    ...['--nbd-server', `addr.type=unix,addr.path=${dir}/nbd.sock`, '--qmp', `unix:${path}`],
  );
  try {
    const count = Math.ceil(requests / clients);
    const all = Array.from({ length: clients }, (_, index) =>
      fuzzClient({ random: new Random(seed + index), count, path, name: `c${index}` }),
    );
    const problems = (await Promise.all(all)).flat();
    await using control = await QmpControl.connect(path);
    // Not by a signal as well: one that comes when Node is about to end would be what it ended with.
    const ended = once(daemon.process, 'exit');
    await control.call('quit');
    const [code] = await ended;
    return code === 0 ? problems : [...problems, `it ended with ${code}: ${daemon.stderr()}`];
  } finally {
    await daemon.stop('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  }
}
