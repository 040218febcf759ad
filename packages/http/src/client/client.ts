import type { BitmapVerb } from '../http-service.ts';
import type { Bitmap, Drive, DriveMap, NewBitmap } from '../schemas/drive.ts';
import type { Exports, Job, Points, Service, Snapshot } from '../schemas/service.ts';
import { apiErrorOf } from './api-error.ts';
import { readEvents } from './read-events.ts';

/** Where the daemon is, and how a client reaches it. */
export interface ClientOptions {
  /** Where the daemon is, as `http://127.0.0.1:8080`. Default: none, as for pages that come from it. */
  readonly url?: string;
  readonly token?: string | undefined;
  /** Default: the global one. `unixFetch` goes over a unix socket. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** What part of a drive a map is asked of, and in how many cells. */
export interface MapOptions {
  /** Bytes. */
  readonly offset?: number;
  /** Bytes. */
  readonly length?: number;
  /** 1 to 4096. */
  readonly cells?: number;
}

interface Asked {
  readonly signal?: AbortSignal | undefined;
}

/** Asks a daemon. All methods throw `ApiError` where they are refused, and what `fetch` throws. */
export class TidemarkClient {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions = {}) {
    this.#options = options;
  }

  service(asked: Asked = {}): Promise<Service> {
    return this.#get('/service', asked);
  }

  async drives(asked: Asked = {}): Promise<Drive[]> {
    return (await this.#get<{ drives: Drive[] }>('/drives', asked)).drives;
  }

  drive(name: string, asked: Asked = {}): Promise<Drive> {
    return this.#get(`/drives/${encodeURIComponent(name)}`, asked);
  }

  map(drive: string, options: MapOptions = {}, asked: Asked = {}): Promise<DriveMap> {
    const { offset, length, cells } = options;
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ offset, length, cells })) {
      if (value !== undefined) query.set(name, String(value));
    }
    return this.#get(`/drives/${encodeURIComponent(drive)}/map?${query.toString()}`, asked);
  }

  exports(asked: Asked = {}): Promise<Exports> {
    return this.#get('/exports', asked);
  }

  async jobs(asked: Asked = {}): Promise<Job[]> {
    return (await this.#get<{ jobs: Job[] }>('/jobs', asked)).jobs;
  }

  points(asked: Asked = {}): Promise<Points> {
    return this.#get('/points', asked);
  }

  /** OpenAPI 3.1. */
  description(asked: Asked = {}): Promise<object> {
    return this.#get('/openapi.json', asked);
  }

  async cancelJob(id: string): Promise<void> {
    await this.#send('POST', `/jobs/${encodeURIComponent(id)}/cancel`);
  }

  async addBitmap(drive: string, bitmap: NewBitmap): Promise<Bitmap> {
    const path = `/drives/${encodeURIComponent(drive)}/bitmaps`;
    return jsonOf(await this.#send('POST', path, bitmap));
  }

  async removeBitmap(drive: string, bitmap: string): Promise<void> {
    await this.#send('DELETE', bitmapPath(drive, bitmap));
  }

  async changeBitmap(drive: string, bitmap: string, verb: BitmapVerb): Promise<Bitmap> {
    return jsonOf(await this.#send('POST', `${bitmapPath(drive, bitmap)}/${verb}`));
  }

  /** All that there is, at once and after each change, until the daemon or the signal ends it. */
  async *events({ signal }: Asked = {}): AsyncGenerator<Snapshot> {
    const response = await this.#fetch('/events', { ...(signal && { signal }) });
    if (response.body === null) return;
    for await (const { event, data } of readEvents(chunksOf(response.body))) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      if (event === 'snapshot') yield JSON.parse(data) as Snapshot;
    }
  }

  async #get<T>(path: string, { signal }: Asked): Promise<T> {
    return jsonOf(await this.#fetch(path, { ...(signal && { signal }) }));
  }

  #send(method: string, path: string, body?: object): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    const content = body && { headers, body: JSON.stringify(body) };
    return this.#fetch(path, { method, ...content });
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const { url = '', token, fetch: ask = fetch } = this.#options;
    const headers = new Headers(init.headers);
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
    const response = await ask(`${url}/api/v1${path}`, { ...init, headers });
    if (!response.ok) throw await apiErrorOf(response);
    return response;
  }
}

function bitmapPath(drive: string, bitmap: string): string {
  return `/drives/${encodeURIComponent(drive)}/bitmaps/${encodeURIComponent(bitmap)}`;
}

async function jsonOf<T>(response: Response): Promise<T> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (await response.json()) as T;
}

/** Not every browser has a stream that can be iterated. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
