import { once } from 'node:events';
import { type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createImageioServer, type ImageioServerOptions } from '@tidemark/imageio';

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Whether all of the body came. */
  readonly isWhole: boolean;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** A server on a port of this machine, for the time of a block. */
export async function serve(options: ImageioServerOptions) {
  const server = createImageioServer(options).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  const ask = (path: string, { method = 'GET', headers = {}, body }: Ask = {}) =>
    new Promise<Answered>((resolve, reject) => {
      const about = { host: '127.0.0.1', port, path, method, headers, agent: false as const };
      const asked = httpRequest(about, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', () => {});
        response.on('close', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            body: Buffer.concat(parts),
            isWhole: response.complete,
          }),
        );
      });
      asked.on('error', reject).end(body);
    });
  const json = async (path: string) => JSON.parse((await ask(path)).body.toString()) as unknown;
  return { port, ask, json, close, [Symbol.asyncDispose]: close };
}
