import { connect, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/** Between two daemons: sees each message that goes by, and can hang up on both. */
export class CuttingProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #to: string;
  readonly #sockets = new Set<Socket>();
  /** Called for each message before it is passed on, which waits for it. False: both are cut off. */
  onMessage: (type: string) => boolean | Promise<boolean> = () => true;

  private constructor(to: string) {
    this.#to = to;
    this.#server = createServer((client) => this.#join(client));
  }

  static async start(path: string, to: string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(to);
    proxy.#server.listen(path);
    await once(proxy.#server, 'listening');
    return proxy;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
  }

  #join(client: Socket): void {
    const target = connect(this.#to);
    for (const [from, into] of [
      [client, target],
      [target, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => into.destroy());
      void this.#pass(from, into);
    }
  }

  /** A line may come in pieces, and ends with the last of them. */
  async #pass(from: Socket, into: Socket): Promise<void> {
    let line = '';
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        line += chunk.toString();
        if (!line.endsWith('\n')) continue;
        const { type } = JSON.parse(line) as { readonly type: string };
        if (!(await this.onMessage(type))) {
          this.cut();
          return;
        }
        into.write(line);
        line = '';
      }
      into.end();
    } catch {
      // Cut off: so is the other side.
    }
  }
}
