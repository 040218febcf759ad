import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';

/** `fetch` over a unix socket: for `TidemarkClient`. Only the path of a URL counts. */
export function unixFetch(socket: string) {
  return (url: string, init: RequestInit = {}): Promise<Response> => {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const { signal, method = 'GET', body } = init;
    const asked = request(
      {
        socketPath: socket,
        path: url.replace(/^https?:\/\/[^/]*/, ''),
        method,
        headers: { host: 'localhost', ...Object.fromEntries(new Headers(init.headers)) },
        ...(signal && { signal }),
      },
      (answer) => resolve(responseOf(answer)),
    );
    asked.on('error', reject);
    asked.end(typeof body === 'string' ? body : undefined);
    return promise;
  };
}

const EMPTY = new Set([204, 304]);

function responseOf(answer: IncomingMessage): Response {
  const { statusCode: status = 500, headersDistinct } = answer;
  const headers = new Headers();
  for (const [name, values] of Object.entries(headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  if (EMPTY.has(status)) {
    answer.resume();
    return new Response(null, { status, headers });
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return new Response(Readable.toWeb(answer) as ReadableStream<Uint8Array>, { status, headers });
}
