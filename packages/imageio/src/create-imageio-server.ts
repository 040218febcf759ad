import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { answer, type AnswerOptions } from './answer.ts';
import { forbidden, HttpError } from './http-error.ts';

/** PEM. */
export interface ImageioTls {
  readonly cert: Buffer | string;
  readonly key: Buffer | string;
}

/** Of `createImageioServer`. */
export interface ImageioServerOptions extends AnswerOptions {
  /** imageio's own clients talk TLS, but for those on a unix socket. Default: plain HTTP. */
  readonly tls?: ImageioTls | undefined;
  /**
   * Which Host headers a request may have, port included; one without has ''. Of use where a port is protected by nothing but
   * being of this machine: a page in a browser can have a name lead there. Default: any.
   */
  readonly allowsHost?: ((header: string) => boolean) | undefined;
  /** At a time. Default 64. */
  readonly maxClients?: number | undefined;
  /** Hears of failures of the disk, in a sentence; clients are not told more than that it failed. */
  readonly log?: ((message: string) => void) | undefined;
}

const MAX_CLIENTS = 64;
const MAX_HEADER_BYTES = 8 * 1024;
/** Milliseconds, for the headers of a request. */
const HEADERS_MS = 10_000;
/** Milliseconds without a byte either way, as imageio has it. */
const IDLE_MS = 60_000;
const ENDS: ReadonlySet<unknown> = new Set([
  'ABORT_ERR',
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** A server that answers as oVirt's imageio does to who reads. It is to be told where to listen. */
export function createImageioServer(options: ImageioServerOptions): Server | TlsServer {
  const { tls, maxClients = MAX_CLIENTS } = options;
  const listener = (request: IncomingMessage, response: ServerResponse) =>
    void respond(request, response, options);
  const common = { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: HEADERS_MS };
  const server =
    tls === undefined
      ? createServer(common, listener)
      : createTlsServer({ ...common, ...tls, minVersion: 'TLSv1.2' }, listener);
  server.maxConnections = maxClients;
  server.keepAliveTimeout = IDLE_MS;
  server.timeout = IDLE_MS;
  // Who wants to write is refused before he sends it all.
  server.on('checkContinue', listener);
  return server;
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  options: ImageioServerOptions,
): Promise<void> {
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  try {
    checkHost(request, options);
    await answer(request, response, options);
  } catch (error) {
    if (!(error instanceof HttpError) && !isEnd(error)) {
      options.log?.(`imageio: ${error instanceof Error ? error.message : String(error)}`);
    }
    // The status is out: only a body that is too short tells of it.
    if (response.headersSent) response.destroy();
    else sendError(response, error);
  }
}

function checkHost({ headers }: IncomingMessage, { allowsHost }: ImageioServerOptions): void {
  if (allowsHost?.(headers.host ?? '') === false)
    throw forbidden('this server does not go by that name');
}

/** A client that has left, or whose ticket is over. */
function isEnd(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ENDS.has(error.code);
}

function sendError(response: ServerResponse, error: unknown): void {
  const told =
    error instanceof HttpError
      ? error
      : new HttpError(500, 'the image could not be read: see the log of the server');
  // Those of what was to be sent.
  for (const name of ['content-disposition', 'content-range', 'accept-ranges']) {
    response.removeHeader(name);
  }
  const body = `${told.message}\n`;
  response.writeHead(told.status, {
    ...told.headers,
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
