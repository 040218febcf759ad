import type { Bitmap, Drive, DriveMap, Warning } from '@tidemark/http/client';

interface Extent {
  readonly offset: number;
  readonly length: number;
}

interface Write extends Extent {
  readonly at: number;
}

interface MockBitmap {
  info: Bitmap;
  dirty: Extent[];
}

export interface MockDriveOptions {
  readonly name: string;
  readonly size: number;
  readonly driver?: string;
  readonly file?: string;
  readonly warnings?: Warning[];
}

/** As many extents are remembered; older ones go, which a heat map of a mock can bear. */
const REMEMBERED = 1500;
const FADE_MS = 300_000;

/** A drive with bitmaps, as the API tells of it; a write marks what records. */
export class MockDrive {
  readonly options: MockDriveOptions;
  readonly bitmaps = new Map<string, MockBitmap>();
  warnings: Warning[];
  allocated: Extent[] = [];
  bytesPerSecond = 0;
  requestsPerSecond = 0;
  #writes: Write[] = [];
  #requests = 0;
  #bytes = 0;

  constructor(options: MockDriveOptions) {
    this.options = options;
    this.warnings = options.warnings ?? [];
  }

  addBitmap(name: string, change: Partial<Bitmap> = {}): Bitmap {
    const info: Bitmap = {
      name,
      granularity: 65_536,
      dirtyBytes: 0,
      recording: true,
      persistent: true,
      busy: false,
      inconsistent: false,
      ...change,
    };
    this.bitmaps.set(name, { info, dirty: [] });
    return info;
  }

  write(offset: number, length: number, at = Date.now()): void {
    this.#requests++;
    this.#bytes += length;
    remember(this.#writes, { offset, length, at });
    remember(this.allocated, { offset, length });
    for (const bitmap of this.bitmaps.values())
      if (bitmap.info.recording) mark(bitmap, offset, length);
  }

  clear(name: string): void {
    const bitmap = this.bitmaps.get(name)!;
    bitmap.dirty = [];
    bitmap.info = { ...bitmap.info, dirtyBytes: 0 };
  }

  describe(): Drive {
    const { name, size, driver = 'qcow2', file } = this.options;
    return {
      name,
      driver,
      ...(file === undefined ? {} : { file }),
      size,
      writable: true,
      bitmaps: [...this.bitmaps.values()].map(({ info }) => info),
      warnings: this.warnings,
      writes: {
        requests: this.#requests,
        bytes: this.#bytes,
        requestsPerSecond: this.requestsPerSecond,
        bytesPerSecond: this.bytesPerSecond,
      },
      exports: [name],
    };
  }

  map(offset: number, length: number, cells: number): DriveMap {
    const cellBytes = Math.ceil(length / cells / 512) * 512;
    const count = Math.ceil(length / cellBytes);
    const place = { offset, cellBytes, count };
    const bitmaps: Record<string, string> = {};
    for (const [name, { dirty, info }] of this.bitmaps) {
      if (!info.inconsistent) bitmaps[name] = shares(dirty, place);
    }
    return {
      offset,
      length,
      cellBytes,
      cells: count,
      bitmaps,
      allocated: shares(this.allocated, place),
      allocatedComplete: true,
      written: recency(this.#writes, place),
    };
  }
}

interface Place {
  readonly offset: number;
  readonly cellBytes: number;
  readonly count: number;
}

function mark(bitmap: MockBitmap, offset: number, length: number): void {
  const { granularity } = bitmap.info;
  const start = Math.floor(offset / granularity) * granularity;
  const end = Math.ceil((offset + length) / granularity) * granularity;
  if (bitmap.dirty.some((one) => one.offset <= start && one.offset + one.length >= end)) return;
  remember(bitmap.dirty, { offset: start, length: end - start });
  const dirtyBytes = bitmap.dirty.reduce((sum, one) => sum + one.length, 0);
  bitmap.info = { ...bitmap.info, dirtyBytes };
}

function remember<T>(list: T[], one: T): void {
  list.push(one);
  if (list.length > REMEMBERED) list.shift();
}

function shares(extents: readonly Extent[], place: Place): string {
  const bytes = new Float64Array(place.count);
  for (const extent of extents) {
    eachCell(extent, place, (cell, covered) => (bytes[cell] = bytes[cell]! + covered));
  }
  return encode(bytes, (sum) =>
    Math.max(1, Math.min(255, Math.floor((sum / place.cellBytes) * 255))),
  );
}

function recency(writes: readonly Write[], place: Place): string {
  const latest = new Float64Array(place.count);
  for (const write of writes) {
    eachCell(write, place, (cell) => (latest[cell] = Math.max(latest[cell]!, write.at)));
  }
  const now = Date.now();
  return encode(latest, (at) => Math.max(1, Math.round(255 - (254 * (now - at)) / FADE_MS)));
}

function eachCell(
  { offset, length }: Extent,
  place: Place,
  visit: (cell: number, covered: number) => void,
): void {
  const first = Math.max(0, Math.floor((offset - place.offset) / place.cellBytes));
  const end = Math.min(place.count, Math.ceil((offset + length - place.offset) / place.cellBytes));
  for (let cell = first; cell < end; cell++) {
    const start = place.offset + cell * place.cellBytes;
    visit(cell, Math.min(start + place.cellBytes, offset + length) - Math.max(start, offset));
  }
}

function encode(values: Float64Array, byte: (value: number) => number): string {
  return Buffer.from(Uint8Array.from(values, (one) => (one > 0 ? byte(one) : 0))).toString(
    'base64',
  );
}
