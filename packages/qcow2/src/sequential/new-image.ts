import type { BlockDevice } from '@tidemark/block';
import { type CreateQcow2Options, headerBytes, planHeader } from '../create-qcow2.ts';
import { planCounts } from '../data-file/write-tables.ts';
import { type Geometry, roundUp, SECTOR_SIZE, TABLE_ENTRY_SIZE } from '../geometry.ts';
import { writeRefcount } from '../refcounts/refcount-width.ts';
import { ChunkStream, type Room } from './chunk-stream.ts';
import { NewMap } from './new-map.ts';

/** Of a `NewImage`, which is written front to back. */
export interface NewImageOptions extends Pick<
  CreateQcow2Options,
  | 'size'
  | 'version'
  | 'clusterSize'
  | 'refcountBits'
  | 'compressionType'
  | 'lazyRefcounts'
  | 'backing'
> {
  /** Bytes of data that are going to be in it, about. */
  readonly expected?: number;
  /**
   * Bytes after which what is written is flushed, while more is written: of a file that is to be
   * durable in the end, so that the disk need not do it all then. Default: at the end alone.
   */
  readonly flushEvery?: number;
}

/**
 * An image that is written once, from front to back: data in the order of the disk, each table of the
 * map behind what it maps, the counts, and the header, which is the commit point. Until then the file
 * holds no image. Tables of which no more than one is in memory, and large writes, are what this is for.
 */
export class NewImage {
  readonly label: string;
  /** Bytes of the disk. */
  readonly size: number;
  readonly clusterSize: number;
  readonly #device: BlockDevice;
  readonly #options: NewImageOptions;
  readonly #geometry: Geometry;
  readonly #stream: ChunkStream;
  readonly #map: NewMap;
  #sifted: (Room & { readonly host: number }) | undefined;

  private constructor(device: BlockDevice, options: NewImageOptions, geometry: Geometry) {
    const { clusterSize } = geometry;
    this.label = device.label;
    this.#device = device;
    this.#options = options;
    this.#geometry = geometry;
    this.size = roundUp(options.size, SECTOR_SIZE);
    this.clusterSize = clusterSize;
    const { flushEvery } = options;
    this.#stream = new ChunkStream(device, { start: clusterSize, unit: clusterSize, flushEvery });
    this.#map = new NewMap(this.size, geometry);
  }

  /** What the device held is gone. @throws OUT_OF_RANGE (an option), NO_SPACE */
  static async begin(device: BlockDevice, options: NewImageOptions): Promise<NewImage> {
    const { geometry } = planHeader(device.label, options);
    const image = new NewImage(device, options, geometry);
    await device.resize(0);
    // In one step: a file that grows with each write costs the system more.
    await device.resize(2 * geometry.clusterSize + (options.expected ?? 0));
    return image;
  }

  /**
   * Room for the content of the disk at `offset`, behind all that came before: whole clusters, but for
   * the last one of the disk. It may be shorter than asked for. To be filled before `ready` is called,
   * or told of by `waitFor`.
   */
  room(offset: number, length: number): Uint8Array {
    const bytes = this.sift(offset, length);
    this.keep([{ from: 0, to: bytes.length }]);
    return bytes;
  }

  /**
   * Room as `room` has it, for content that is looked at before it is kept: `keep` comes next, and
   * until then none of it has a place.
   */
  sift(offset: number, length: number): Uint8Array {
    this.#enter(offset);
    const { clusterSize } = this.#geometry;
    const within = Math.min(length, this.#map.tableEnd - offset);
    const { bytes, offset: host } = this.#stream.take(roundUp(within, clusterSize));
    this.#sifted = { bytes, offset, host };
    return bytes.subarray(0, Math.min(within, bytes.length));
  }

  /** Of what `sift` gave, these parts are data: whole clusters, but for the last one of the disk. */
  keep(parts: Iterable<{ readonly from: number; readonly to: number }>): void {
    const { bytes, offset, host } = this.#sifted!;
    this.#sifted = undefined;
    let used = 0;
    for (const { from, to } of parts) {
      if (from > used) bytes.copyWithin(used, from, to);
      this.#map.setData(offset + from, to - from, host + used);
      const end = used + to - from;
      used = roundUp(end, this.#geometry.clusterSize);
      bytes.fill(0, end, used);
    }
    this.#stream.giveBack(bytes.length - used);
  }

  /** The room of the last call is filled when this resolves. */
  waitFor(read: Promise<void>): void {
    this.#stream.waitFor(read);
  }

  /** Undefined: go on at once. @throws what reads and writes threw */
  ready(): Promise<void> | undefined {
    return this.#stream.ready();
  }

  /** The disk reads as zeros there, whatever is behind it. Whole clusters, but for the last one. */
  async zeros(offset: number, length: number): Promise<void> {
    if (this.#options.version === 2) throw new TypeError('version 2 has no clusters of zeros');
    for (let at = offset; at < offset + length;) {
      this.#enter(at);
      const to = Math.min(offset + length, this.#map.tableEnd);
      this.#map.setZeros(at, to - at);
      at = to;
      await this.ready();
    }
  }

  /** The image is whole and durable when this resolves. @throws what reads and writes threw */
  async finish(): Promise<void> {
    this.#closeTable();
    const l1Offset = this.#append(this.#map.l1());
    const counts = this.#appendCounts();
    await this.#stream.finish();
    const device = this.#device;
    await device.resize(this.#stream.end);
    await device.flush();
    const tables = { l1Offset, l1Entries: this.#map.l1Entries, ...counts };
    const { header } = planHeader(device.label, this.#options, tables);
    await device.write(headerBytes(header), 0);
    await device.flush();
  }

  /** Nothing is read or written any more. Does not throw. */
  async abandon(): Promise<void> {
    await this.#stream.settle();
  }

  /** The table that maps the offset is the open one. */
  #enter(offset: number): void {
    if (this.#map.isOpenAt(offset)) return;
    this.#closeTable();
    this.#map.open(offset);
  }

  #closeTable(): void {
    const table = this.#map.close();
    if (table !== undefined) this.#map.setTable(this.#append(table));
  }

  /** @returns where it lies; it fills whole clusters */
  #append(bytes: Uint8Array): number {
    const { clusterSize } = this.#geometry;
    const start = this.#stream.end;
    for (let at = 0; at < bytes.length; at += clusterSize) {
      const room = this.#stream.take(clusterSize).bytes;
      const part = bytes.subarray(at, at + clusterSize);
      room.set(part);
      room.fill(0, part.length);
    }
    return start;
  }

  /** Everything up to the end is used once, the counts too. */
  #appendCounts() {
    const { clusterSize, refcountsPerBlock, refcountBits } = this.#geometry;
    const { blocks, tableClusters, total } = planCounts(
      this.#stream.end / clusterSize,
      this.#geometry,
    );
    const first = this.#stream.end + tableClusters * clusterSize;
    const table = new DataView(new ArrayBuffer(blocks * TABLE_ENTRY_SIZE));
    for (let i = 0; i < blocks; i++) {
      table.setBigUint64(i * TABLE_ENTRY_SIZE, BigInt(first + i * clusterSize));
    }
    const refcountTableOffset = this.#append(new Uint8Array(table.buffer));
    const full = new DataView(new ArrayBuffer(clusterSize));
    for (let i = 0; i < refcountsPerBlock; i++) writeRefcount(full, i, refcountBits, 1);
    for (let block = 0; block < blocks; block++) {
      const used = Math.min(refcountsPerBlock, total - block * refcountsPerBlock);
      const bytes = new Uint8Array(full.buffer, 0, Math.ceil((used * refcountBits) / 8));
      this.#append(bytes);
    }
    return { refcountTableOffset, refcountTableClusters: tableClusters };
  }
}
