import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { ListenConfig } from '../config/serving-schema.ts';
import { hangUp, listenAt } from '@tidemark/unix-socket';

/** What is told over HTTP. */
export interface Told {
  readonly metrics: () => Promise<string>;
  /** What keeps it from serving, a sentence each. */
  readonly problems: () => readonly string[];
}

export interface MetricsServer extends AsyncDisposable {
  /** Where it listens, with the port that the system chose. */
  readonly address: string;
  close(): Promise<void>;
}

const MAX_CLIENTS = 32;
const TIMEOUT_MS = 10_000;

/**
 * Serves `/metrics`, `/healthz` and `/readyz` on a unix socket or a port of this machine.
 * @throws as `listenOnSocket`
 */
export async function serveMetrics(listen: ListenConfig, told: Told): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    answer(request, response, told).catch(() => response.destroy());
  });
  server.maxConnections = MAX_CLIENTS;
  server.requestTimeout = TIMEOUT_MS;
  server.headersTimeout = TIMEOUT_MS;
  server.keepAliveTimeout = TIMEOUT_MS;
  const address = await listenAt(server, listen, 'http');
  server.on('error', () => {});
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= hangUp(server));
  return { address, close, [Symbol.asyncDispose]: close };
}

async function answer(
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
  told: Told,
): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    send(response, 405, 'only GET and HEAD\n');
    return;
  }
  switch (url.split('?', 1)[0]) {
    case '/metrics':
      response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
      send(response, 200, await told.metrics());
      return;
    case '/healthz':
      send(response, 200, 'ok\n');
      return;
    case '/readyz': {
      const problems = told.problems();
      if (problems.length === 0) send(response, 200, 'ok\n');
      else send(response, 503, `${problems.join('\n')}\n`);
      return;
    }
    default:
      send(response, 404, 'there are /metrics, /healthz and /readyz\n');
  }
}

function send(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  if (!response.hasHeader('content-type')) {
    response.setHeader('content-type', 'text/plain; charset=utf-8');
  }
  response.setHeader('cache-control', 'no-store');
  response.setHeader('content-length', Buffer.byteLength(text));
  // Node sends none of it in answer to HEAD.
  response.end(text);
}
