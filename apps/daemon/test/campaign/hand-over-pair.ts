import { connect, createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { QmpClient } from '@tidemark/qmp';
import { type Daemon, startDaemon } from '../../../../tools/programs.ts';

/** One of the two daemons of a hand-over. */
export class Side {
  readonly daemon: Daemon;
  readonly qmp: QmpClient;
  readonly nbd: string;
  isAlive = true;

  private constructor(daemon: Daemon, qmp: QmpClient, nbd: string) {
    this.daemon = daemon;
    this.qmp = qmp;
    this.nbd = nbd;
  }

  static async start(dir: string, name: string, ...args: readonly string[]): Promise<Side> {
    const [nbd, control] = [join(dir, `${name}.nbd`), join(dir, `${name}.qmp`)];
    const daemon = await startDaemon(
      ...['--chardev', `socket,id=c,path=${control},server=on,wait=off`, '--monitor', 'chardev=c'],
      ...['--nbd-server', `addr.type=unix,addr.path=${nbd}`],
      ...args,
    );
    return new Side(daemon, await QmpClient.connect(control), nbd);
  }

  /** Whether it has the drive, and records. */
  async owns(node: string): Promise<boolean> {
    if (!this.isAlive) return false;
    const nodes = await this.qmp.execute('query-named-block-nodes');
    const found = (nodes as { 'node-name': string; 'dirty-bitmaps'?: unknown[] }[]).find(
      (each) => each['node-name'] === node,
    );
    return (found?.['dirty-bitmaps']?.length ?? 0) > 0;
  }

  async kill(): Promise<void> {
    this.isAlive = false;
    await this.daemon.stop('SIGKILL');
    await this.qmp.close();
  }

  /** @returns what it said, where it did not end well */
  async end(): Promise<string | undefined> {
    if (!this.isAlive) return undefined;
    this.isAlive = false;
    const { code, stderr } = await this.daemon.stop();
    await this.qmp.close();
    return code === 0 ? undefined : `tidemarkd ended with ${code}: ${stderr}`;
  }
}

/** The address of a service that is here or there: each that connects comes to the other side. */
export async function eitherOf(path: string, sockets: readonly string[]): Promise<Server> {
  let count = 0;
  const server = createServer((client) => {
    const to = connect(sockets[count++ % sockets.length]!);
    client.on('error', () => {}).on('close', () => to.destroy());
    to.on('error', () => {}).on('close', () => client.destroy());
    client.pipe(to).pipe(client);
  });
  server.listen(path);
  await once(server, 'listening');
  return server;
}
