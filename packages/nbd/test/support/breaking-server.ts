import { connect, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { MemoryDevice } from '@tidemark/block';
import { type NbdExport, type NbdServer, startNbdServer } from '../../src/index.ts';

/** Forgets at a crash what was not flushed, as a server's host does. */
export class ForgetfulDevice extends MemoryDevice {
  readonly stable: MemoryDevice;
  #pending: (readonly [number, Uint8Array])[] = [];

  constructor(size: number) {
    super({ size });
    this.stable = new MemoryDevice({ size });
  }

  override async write(source: Uint8Array, offset: number): Promise<void> {
    this.#pending.push([offset, new Uint8Array(source)]);
    await super.write(source, offset);
  }

  override async writeZeroes(offset: number, length: number): Promise<void> {
    this.#pending.push([offset, new Uint8Array(length)]);
    await super.writeZeroes(offset, length);
  }

  override async flush(): Promise<void> {
    for (const [offset, bytes] of this.#pending.splice(0)) await this.stable.write(bytes, offset);
  }

  /** All that was not flushed is gone. */
  async crash(): Promise<void> {
    this.#pending = [];
    const content = new Uint8Array(this.size);
    await this.stable.read(content, 0);
    await super.write(content, 0);
  }
}

/** A server whose connections can be cut at any moment, and that can be gone for a while. */
export class BreakingServer implements AsyncDisposable {
  readonly #server: NbdServer;
  readonly #proxy: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly uri: string;
  /** Connections that were made so far. */
  connections = 0;
  /** Whether those who come are hung up on at once. */
  isGone = false;

  private constructor(server: NbdServer, proxy: Server, path: string) {
    this.#server = server;
    this.#proxy = proxy;
    this.uri = `nbd+unix:///exp?socket=${path}`;
  }

  static async start(path: string, exported: Omit<NbdExport, 'name'>): Promise<BreakingServer> {
    const behind = { type: 'unix', path: `${path}.behind` } as const;
    const server = await startNbdServer({
      address: behind,
      exports: [{ name: 'exp', ...exported }],
    });
    const proxy = createServer((client) => breaking.#accept(client, behind.path));
    const breaking = new BreakingServer(server, proxy, path);
    proxy.listen(path);
    await once(proxy, 'listening');
    return breaking;
  }

  /** In the middle of whatever is under way. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#pairs.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#proxy.close();
    await this.#server.close();
  }

  #accept(client: Socket, path: string): void {
    client.on('error', () => {});
    this.connections += 1;
    if (this.isGone) {
      client.destroy();
      return;
    }
    const server = connect(path);
    server.on('error', () => {});
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    client.pipe(server).pipe(client);
    const end = () => {
      for (const socket of pair) socket.destroy();
      this.#pairs.delete(pair);
    };
    client.on('close', end);
    server.on('close', end);
  }
}
