import { type IncomingHttpHeaders, request } from 'node:http';
import { TOKEN } from './fake-service.ts';

export interface RawRequest {
  readonly method?: string;
  /** Taken as it is. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** `null`: none. */
  readonly token?: string | null;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Of an error. */
  readonly code: string | undefined;
}

/** What a program sends that is not bound to what `fetch` lets through. `url`: of the server. */
export async function rawRequest(url: string, raw: RawRequest): Promise<RawAnswer> {
  const { method = 'GET', path, headers = {}, body, token = TOKEN } = raw;
  const { hostname, port } = new URL(url);
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  const asked = request(
    { host: hostname, port, method, path, headers: { ...authorization, ...headers }, agent: false },
    (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        const { statusCode: status = 0, headers: got } = response;
        resolve({ status, headers: got, body: text, code: codeIn(text) });
      });
    },
  );
  asked.on('error', reject);
  asked.end(body);
  return promise;
}

function codeIn(text: string): string | undefined {
  return /"code":"(\w+)"/.exec(text)?.[1];
}
