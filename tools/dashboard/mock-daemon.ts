import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Exports, Job, NewBitmap, Points, Service, Snapshot } from '@tidemark/http/client';
import type { MockDrive } from './mock-drive.ts';
import { serveFile } from './static-files.ts';

/** What the daemon answers, held in memory: change it, then `push`. */
export class MockDaemon {
  readonly drives = new Map<string, MockDrive>();
  token: string | undefined;
  writable = true;
  problems: string[] = [];
  jobs: Job[] = [];
  exports: Exports = { clients: 0, exports: [] };
  points: Points = { points: [], problems: [] };
  /** Requests so far: method, path and query, without the events. */
  readonly requests: string[] = [];
  readonly #streams = new Set<ServerResponse>();
  readonly #startedAt = new Date(Date.now() - 3 * 86_400_000).toISOString();
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Listens; on the port it had when it was stopped before. */
  async start(): Promise<void> {
    const server = createServer((request, response) => {
      void this.#answer(request, response).catch((error: unknown) => {
        fail(response, 500, String(error));
      });
    });
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  /** Sends how everything is to all who listen. */
  push(): void {
    const text = `event: snapshot\ndata: ${JSON.stringify(this.#snapshot())}\n\n`;
    for (const stream of this.#streams) stream.write(text);
  }

  #service(): Service {
    const { problems, writable } = this;
    return { version: '0.1.0', startedAt: this.#startedAt, ready: true, problems, writable };
  }

  #snapshot(): Snapshot {
    const drives = [...this.drives.values()].map((drive) => drive.describe());
    return { service: this.#service(), drives, exports: this.exports, jobs: this.jobs };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    if (!url.pathname.startsWith('/api/v1/')) return serveFile(url.pathname, response);
    const given = request.headers.authorization;
    if (this.token !== undefined && given !== `Bearer ${this.token}`) {
      return fail(response, 401, 'a token is needed that this service knows');
    }
    const parts = url.pathname.slice('/api/v1/'.length).split('/').map(decodeURIComponent);
    if (parts[0] === 'events') return this.#stream(response);
    const { method = 'GET' } = request;
    this.requests.push(`${method} ${parts.join('/')}${url.search}`);
    if (method === 'GET') return this.#read(parts, url.searchParams, response);
    if (!this.writable) return fail(response, 403, 'changes need a token');
    return this.#change(method, parts, await bodyOf(request), response);
  }

  #stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
    response.write(`event: snapshot\ndata: ${JSON.stringify(this.#snapshot())}\n\n`);
  }

  #read([what, name, part]: string[], query: URLSearchParams, response: ServerResponse): void {
    if (what === 'points') return json(response, 200, this.points);
    const drive = this.drives.get(name ?? '');
    if (what !== 'drives' || drive === undefined || part !== 'map') {
      return fail(response, 404, `there is no ${what ?? ''} '${name ?? ''}'`);
    }
    const of = (key: string): number => Number(query.get(key));
    return json(response, 200, drive.map(of('offset'), of('length'), of('cells')));
  }

  #change(method: string, parts: string[], body: unknown, response: ServerResponse): void {
    const [what, name = '', , bitmap, action] = parts;
    if (what === 'jobs') {
      this.jobs = this.jobs.filter((job) => job.id !== name);
      json(response, 202, {});
      return this.push();
    }
    const drive = this.drives.get(name);
    if (drive === undefined) return fail(response, 404, `there is no drive '${name}'`);
    if (bitmap === undefined) return this.#add(drive, body as NewBitmap, response);
    const found = drive.bitmaps.get(bitmap);
    if (found === undefined) return fail(response, 404, `there is no bitmap '${bitmap}'`);
    if (method === 'DELETE') drive.bitmaps.delete(bitmap);
    else if (action === 'clear') drive.clear(bitmap);
    else found.info = { ...found.info, recording: action === 'enable' };
    if (method === 'DELETE') response.writeHead(204).end();
    else json(response, 200, drive.bitmaps.get(bitmap)!.info);
    this.push();
  }

  #add(
    drive: MockDrive,
    { name, disabled = false, ...rest }: NewBitmap,
    response: ServerResponse,
  ): void {
    if (drive.bitmaps.has(name)) return fail(response, 409, `there is a bitmap '${name}' already`);
    json(response, 201, drive.addBitmap(name, { ...rest, recording: !disabled }));
    this.push();
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? undefined : JSON.parse(text);
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function fail(response: ServerResponse, status: number, message: string): void {
  json(response, status, { error: { code: 'MOCK', message } });
}
