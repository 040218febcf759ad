import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpProblem } from '../http-problem.ts';

export interface Sent {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
  /** Default `no-store`. */
  readonly cache?: string;
}

/** Node sends no body in answer to HEAD. */
export function send(response: ServerResponse, { status, type, body, cache }: Sent): void {
  response.statusCode = status;
  response.setHeader('content-type', type);
  response.setHeader('cache-control', cache ?? 'no-store');
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(body);
}

export function sendText(response: ServerResponse, status: number, body: string): void {
  send(response, { status, type: 'text/plain; charset=utf-8', body });
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, { status, type: 'application/json', body: `${JSON.stringify(body)}\n` });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

export function sendProblem(
  request: IncomingMessage,
  response: ServerResponse,
  problem: HttpProblem,
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { allow } = problem.details;
  if (allow !== undefined) response.setHeader('allow', allow);
  if (problem.status === 401) response.setHeader('www-authenticate', 'Bearer');
  // What is left of a body is not waited for.
  if (hasBody(request) && !request.complete) response.setHeader('connection', 'close');
  sendJson(response, problem.status, problem.body);
}
