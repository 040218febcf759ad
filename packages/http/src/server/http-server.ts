import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { hangUp, hostInUrl, listenAt, type ListenPlace } from '@tidemark/unix-socket';
import { HttpProblem, problemOf } from '../http-problem.ts';
import type { HttpService } from '../http-service.ts';
import { BASE } from '../routes.ts';
import { Access } from './access.ts';
import { answerApi, snapshotOf } from './answer-api.ts';
import { EVENT_LIMITS, type EventLimits, EventStream } from './event-stream.ts';
import { setSecurityHeaders } from './headers.ts';
import { send, sendProblem, sendText } from './send.ts';
import { readStatic } from './static-files.ts';

/** A page that is no part of the API. */
export interface Page {
  /** Default `text/plain`. */
  readonly type?: string;
  /** `isKnown`: it has the token, or none is asked for. */
  readonly answer: (isKnown: boolean) => PageAnswer | Promise<PageAnswer>;
}

interface PageAnswer {
  readonly status: number;
  readonly body: string;
}

/** Of `startHttpServer`. */
export interface HttpServerOptions {
  readonly listen: ListenPlace;
  readonly service: HttpService;
  /** Without one, nothing can be changed. */
  readonly token?: string | undefined;
  /** What stands for us in the Host header, besides names of the loopback and `listen.host`. */
  readonly names?: readonly string[];
  /** Folder of files for browsers, and what is said of those that are not there. */
  readonly files?: { readonly folder: string | undefined; readonly missing: string };
  /** By their paths. */
  readonly pages?: Readonly<Record<string, Page>>;
  readonly events?: Partial<EventLimits>;
  /** Hears of what went wrong inside. */
  readonly log: (message: string) => void;
}

/** The server while it runs. */
export interface HttpServer extends AsyncDisposable {
  /** Where it listens, with the port that the system chose. */
  readonly address: string;
  /** What holds from now on, `listen` excepted. Who listens to events has to come again. */
  configure(options: HttpServerOptions): void;
  /** Hangs up on all. */
  close(): Promise<void>;
}

const MAX_CLIENTS = 128;
const REQUEST_MS = 10_000;
/** Of a client that reads nothing of an answer. */
const IDLE_MS = 120_000;

/** @throws as `listenAt` */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  let answering = new Answering(options);
  const server = createServer((request, response) => void answering.answer(request, response));
  server.maxConnections = MAX_CLIENTS;
  server.requestTimeout = REQUEST_MS;
  server.headersTimeout = REQUEST_MS;
  server.keepAliveTimeout = REQUEST_MS;
  server.timeout = IDLE_MS;
  const address = await listenAt(server, options.listen, 'http');
  server.on('error', () => {});
  let closing: Promise<void> | undefined;
  const close = () => {
    answering.close();
    return (closing ??= hangUp(server));
  };
  const configure = (next: HttpServerOptions) => {
    const before = answering;
    answering = new Answering(next);
    before.close();
  };
  return { address, configure, close, [Symbol.asyncDispose]: close };
}

class Answering {
  readonly #options: HttpServerOptions;
  readonly #access: Access;
  readonly #events: EventStream;

  constructor(options: HttpServerOptions) {
    const { listen, names = [], token, service, events } = options;
    this.#options = options;
    // No browser comes over a unix socket, and who does is judged by the socket's mode.
    const known = 'unix' in listen ? undefined : [hostInUrl(listen.host), ...names];
    this.#access = new Access({ token, names: known });
    const look = async () => JSON.stringify(await snapshotOf(service, this.#access));
    this.#events = new EventStream(look, { ...EVENT_LIMITS, ...events });
  }

  close(): void {
    this.#events.close();
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Who has gone away is not told.
    response.on('error', () => {});
    try {
      setSecurityHeaders(response);
      await this.#dispatch(request, response);
    } catch (error) {
      const problem = problemOf(error);
      if (problem.code === 'INTERNAL') this.#options.log(`error: HTTP: ${String(error)}`);
      sendProblem(request, response, problem);
    }
  }

  async #dispatch(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '', query = ''] = splitUrl(request.url ?? '');
    this.#access.checkOrigin(request);
    if (path === BASE || path.startsWith(`${BASE}/`)) {
      const { service } = this.#options;
      const api = { service, access: this.#access, events: this.#events };
      return answerApi(request, response, { path: path.slice(BASE.length), query }, api);
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new HttpProblem(405, 'METHOD_NOT_ALLOWED', 'use GET', { allow: 'GET, HEAD' });
    }
    const { pages = {}, files } = this.#options;
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (page !== undefined) {
      const type = page.type ?? 'text/plain; charset=utf-8';
      send(response, { ...(await page.answer(this.#access.hasToken(request))), type });
      return;
    }
    const { folder, missing } = files ?? { folder: undefined, missing: 'there is no such page' };
    const file = folder === undefined ? undefined : await readStatic(folder, path);
    if (file !== undefined) send(response, file);
    else sendText(response, 404, `${missing}\n`);
  }
}

function splitUrl(url: string): readonly string[] {
  const at = url.indexOf('?');
  return at < 0 ? [url] : [url.slice(0, at), url.slice(at + 1)];
}
