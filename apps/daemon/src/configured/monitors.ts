import { packageVersion } from '@tidemark/program';
import { QmpServer, type QmpTarget } from '@tidemark/qmp';
import type { Logger } from '../log/logger.ts';
import type { Turns } from './turns.ts';

export interface MonitorsOptions {
  readonly target: QmpTarget;
  /** Commands of all monitors wait for each other. */
  readonly turns: Turns;
  readonly debug: Logger['debug'];
}

/** The sockets that QMP clients talk to. */
export class Monitors {
  readonly #options: MonitorsOptions;
  #clients = 0;
  readonly #servers = new Map<string, QmpServer>();

  constructor(options: MonitorsOptions) {
    this.#options = options;
  }

  get paths(): readonly string[] {
    return [...this.#servers.keys()];
  }

  get clients(): number {
    return this.#clients;
  }

  /** @throws as `QmpServer.listen` */
  async listen(path: string, mode?: number): Promise<void> {
    const { target, turns, debug } = this.#options;
    const product = `tidemark ${packageVersion(import.meta.url)}`;
    const server = new QmpServer({
      target,
      product,
      takeTurn: (work) => turns.run(work),
      onClient: ({ id, what, command }) => {
        if (what === 'came') this.#clients += 1;
        if (what === 'left') this.#clients -= 1;
        const text = command === undefined ? `it ${what}` : `it asks for ${command}`;
        debug(`QMP on '${path}': ${text}`, { client: id, ...(command && { command }) });
      },
    });
    await server.listen(path, mode === undefined ? {} : { mode });
    this.#servers.set(path, server);
  }

  /** Answers what is under way, and hangs up. */
  async end(path: string): Promise<void> {
    const server = this.#servers.get(path);
    this.#servers.delete(path);
    await server?.close();
  }

  async close(): Promise<void> {
    for (const path of this.#servers.keys()) await this.end(path);
  }
}
