import { TidemarkError } from '@tidemark/core';
import {
  type Bitmap,
  type Drive,
  HttpProblem,
  type HttpService,
  type HttpServer,
  type HttpServerOptions,
  noDrive,
  startHttpServer,
} from '@tidemark/http';

export const TOKEN = 'a-token-that-nobody-guesses';

function bitmapOf(name: string): Bitmap {
  return {
    name,
    granularity: 65_536,
    dirtyBytes: 0,
    recording: true,
    persistent: true,
    busy: false,
    inconsistent: false,
  };
}

/** One drive, and a list of what was asked of it. */
class FakeService implements HttpService {
  readonly calls: unknown[] = [];
  readonly drive: Drive = {
    name: 'vm 1',
    driver: 'qcow2',
    file: '/srv/vm.qcow2',
    size: 2 ** 40,
    writable: true,
    bitmaps: [
      { ...bitmapOf('a/b'), recovered: { dirtyBytes: 5, wholeRegionBytes: 3 } },
      { ...bitmapOf('held'), busy: true },
    ],
    warnings: [{ code: 'RECOVERED_AFTER_CRASH', text: 'it was', bitmap: 'a/b' }],
    writes: { requests: 0, bytes: 0, requestsPerSecond: 0.5, bytesPerSecond: 0 },
    exports: ['e'],
  };

  service() {
    return { version: '1.2.3', startedAt: '2030-01-02T03:04:05.678Z', ready: true, problems: [] };
  }

  async drives() {
    return [this.drive];
  }

  exports() {
    const counts = [{ kind: 'read', requests: 1, bytes: 512, errors: 0 }];
    const info = { id: 'e', drive: 'vm 1', name: 'e', readOnly: false, clients: 1 };
    return { address: 'unix:/x', clients: 1, exports: [{ ...info, bitmaps: ['a/b'], counts }] };
  }

  jobs() {
    const rate = { bytesPerSecond: 10, secondsLeft: 9 };
    return [
      { id: 'j', type: 'backup', status: 'running', drive: 'vm 1', done: 10, total: 100, ...rate },
    ];
  }

  async points() {
    const time = '2030-01-02T03:04:05.678Z';
    const about = { repository: '/r', drive: 'vm', time, kind: 'full', reason: 'first' } as const;
    return {
      points: [{ id: 'f00', ...about, size: 2 ** 40, storedBytes: 1 }],
      problems: ['/q: gone'],
    };
  }

  async map(drive: string, query: { offset: number; length?: number; cells: number }) {
    this.calls.push(['map', drive, query]);
    this.#find(drive);
    const { offset, length = this.drive.size - offset, cells } = query;
    if (offset + length > this.drive.size) throw new TidemarkError('OUT_OF_RANGE', 'too far');
    const row = Buffer.alloc(cells).toString('base64');
    const rows = { bitmaps: { 'a/b': row }, allocated: row, allocatedComplete: true, written: row };
    return { offset, length, cellBytes: Math.ceil(length / cells), cells, ...rows };
  }

  async cancelJob(id: string) {
    this.calls.push(['cancel', id]);
    if (id !== 'j') throw new HttpProblem(404, 'NOT_FOUND', 'no such job');
  }

  async addBitmap(drive: string, bitmap: { name: string }) {
    this.calls.push(['add', drive, bitmap]);
    this.#find(drive);
    if (bitmap.name === 'a/b') throw new TidemarkError('BITMAP_EXISTS', 'it is there');
    if (bitmap.name === 'bug') throw new Error('secret of the inside');
    return bitmapOf(bitmap.name);
  }

  async removeBitmap(drive: string, name: string) {
    this.calls.push(['remove', drive, name]);
    this.#check(drive, name);
  }

  async changeBitmap(drive: string, name: string, verb: string) {
    this.calls.push([verb, drive, name]);
    this.#check(drive, name);
    return bitmapOf(name);
  }

  #find(drive: string): void {
    if (drive !== this.drive.name) throw noDrive(drive);
  }

  #check(drive: string, name: string): void {
    this.#find(drive);
    const found = this.drive.bitmaps.find((each) => each.name === name);
    if (found === undefined) throw new TidemarkError('BITMAP_NOT_FOUND', 'no such bitmap');
    if (found.busy) throw new TidemarkError('BITMAP_BUSY', 'somebody holds it');
  }
}

/** A server on a port of its own, and what it logs. */
export async function startFake(options: Partial<HttpServerOptions> = {}) {
  const service = new FakeService();
  const logged: string[] = [];
  const server: HttpServer = await startHttpServer({
    listen: { host: '127.0.0.1', port: 0 },
    service,
    token: TOKEN,
    log: (message) => void logged.push(message),
    ...options,
  });
  return { server, service, logged, [Symbol.asyncDispose]: () => server.close() };
}
