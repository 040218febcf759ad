import { type Geometry, l1EntriesFor, TABLE_ENTRY_SIZE } from '../geometry.ts';

const EXCLUSIVE_HIGH = 0x8000_0000;
const ZERO_LOW = 1;

/** The map of an image that is made in the order of the disk: of its tables one is open. */
export class NewMap {
  readonly l1Entries: number;
  readonly #size: number;
  readonly #geometry: Geometry;
  readonly #l1: DataView<ArrayBuffer>;
  readonly #table: DataView<ArrayBuffer>;
  /** Number of the open table. */
  #open: number | undefined;
  /** Number of the last table that was closed. */
  #closed = -1;

  /** `size`: bytes of the disk. */
  constructor(size: number, geometry: Geometry) {
    this.#size = size;
    this.#geometry = geometry;
    this.l1Entries = l1EntriesFor(size, geometry);
    this.#l1 = new DataView(new ArrayBuffer(this.l1Entries * TABLE_ENTRY_SIZE));
    this.#table = new DataView(new ArrayBuffer(geometry.clusterSize));
  }

  /** Where the disk's part ends that the open table maps. */
  get tableEnd(): number {
    return Math.min(this.#size, (this.#open! + 1) * this.#geometry.l2Coverage);
  }

  isOpenAt(offset: number): boolean {
    return this.#open === Math.floor(offset / this.#geometry.l2Coverage);
  }

  /** The table of an offset; what comes before it is over. */
  open(offset: number): void {
    const table = Math.floor(offset / this.#geometry.l2Coverage);
    if (table <= this.#closed || offset >= this.#size) {
      throw new RangeError(`the disk's part at ${offset} is over`);
    }
    new Uint8Array(this.#table.buffer).fill(0);
    this.#open = table;
  }

  /** The open table, for the file; undefined where there is none. */
  close(): Uint8Array | undefined {
    if (this.#open === undefined) return undefined;
    this.#closed = this.#open;
    this.#open = undefined;
    return new Uint8Array(this.#table.buffer);
  }

  /** Where the table lies that was closed last. */
  setTable(host: number): void {
    setEntry(this.#l1, this.#closed, host);
  }

  setData(offset: number, length: number, host: number): void {
    const { clusterSize } = this.#geometry;
    const first = this.#entryOf(offset);
    for (let at = 0; at < length; at += clusterSize) {
      setEntry(this.#table, first + at / clusterSize, host + at);
    }
  }

  setZeros(offset: number, length: number): void {
    const first = this.#entryOf(offset);
    const count = Math.ceil(length / this.#geometry.clusterSize);
    for (let entry = first; entry < first + count; entry++) {
      this.#table.setUint32(entry * TABLE_ENTRY_SIZE + 4, ZERO_LOW);
    }
  }

  l1(): Uint8Array {
    return new Uint8Array(this.#l1.buffer);
  }

  #entryOf(offset: number): number {
    return (offset % this.#geometry.l2Coverage) / this.#geometry.clusterSize;
  }
}

/** qcow2.rst, "L1 table entry" and "L2 table entry": a place, and that nothing else refers to it. */
function setEntry(table: DataView, entry: number, host: number): void {
  table.setUint32(entry * TABLE_ENTRY_SIZE, EXCLUSIVE_HIGH + Math.floor(host / 2 ** 32));
  table.setUint32(entry * TABLE_ENTRY_SIZE + 4, host % 2 ** 32);
}
