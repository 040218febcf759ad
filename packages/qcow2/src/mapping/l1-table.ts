import { corrupt } from '../errors.ts';
import { SECTOR_SIZE, TABLE_ENTRY_SIZE } from '../geometry.ts';
import type { HeaderOwner } from '../header/header-owner.ts';
import type { HostFile } from '../io/host-file.ts';
import { usedEntries } from '../util/used-entries.ts';

const EXCLUSIVE = 1n << 63n;
const OFFSET_MASK = 0x00ff_ffff_ffff_fe00n;
const RESERVED_MASK = 0x7f00_0000_0000_01ffn;

export interface L1Entry {
  /** Host offset of the L2 table. */
  readonly offset: number;
  /** No snapshot shares the table, so it may be changed in place. */
  readonly exclusive: boolean;
}

/** The table of L2 tables, whole in memory: 8 bytes for each (qcow2.rst, "L1 table entry"). */
export class L1Table {
  readonly #file: HostFile;
  readonly #header: HeaderOwner;
  readonly #clusterSize: number;
  #entries: BigUint64Array<ArrayBuffer>;
  readonly #dirty = new Set<number>();

  private constructor(file: HostFile, header: HeaderOwner, entries: BigUint64Array<ArrayBuffer>) {
    this.#file = file;
    this.#header = header;
    this.#clusterSize = 2 ** header.header.clusterBits;
    this.#entries = entries;
  }

  /** The header's length of the table was checked, and bounds what is allocated here. */
  static async read(file: HostFile, owner: HeaderOwner): Promise<L1Table> {
    const { l1Offset, l1Entries } = owner.header;
    const bytes = await file.readNewSoon(l1Offset, l1Entries * TABLE_ENTRY_SIZE);
    // Big-endian on disk. All at once: a disk of 16 TiB may have 32768 of them.
    Buffer.from(bytes.buffer).swap64();
    return new L1Table(file, owner, new BigUint64Array(bytes.buffer));
  }

  get length(): number {
    return this.#entries.length;
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  isEmpty(index: number): boolean {
    return (this.#entries[index] ?? 0n) === 0n;
  }

  /** @throws IMAGE_CORRUPT */
  get(index: number): L1Entry | undefined {
    const entry = this.#entries[index] ?? 0n;
    if (entry === 0n) return undefined;
    if ((entry & RESERVED_MASK) !== 0n) throw this.#fault(index, 'has reserved bits set');
    const offset = entry & OFFSET_MASK;
    if (offset === 0n) return undefined;
    if (offset % BigInt(this.#clusterSize) !== 0n) {
      throw this.#fault(index, `points to ${offset}, not the start of a cluster`);
    }
    if (offset + BigInt(this.#clusterSize) > BigInt(this.#file.size)) {
      throw this.#fault(index, `points to ${offset}, but the file ends at ${this.#file.size}`);
    }
    return { offset: Number(offset), exclusive: (entry & EXCLUSIVE) !== 0n };
  }

  set(index: number, offset: number): void {
    this.#entries[index] = BigInt(offset) | EXCLUSIVE;
    this.#dirty.add(index);
  }

  clear(index: number): void {
    this.#entries[index] = 0n;
    this.#dirty.add(index);
  }

  /** Host offsets of all L2 tables, as they stand: wrong ones are found when they are used. */
  *offsets(): Generator<number> {
    for (const index of usedEntries(this.#entries)) {
      const offset = this.#entries[index]! & OFFSET_MASK;
      if (offset !== 0n) yield Number(offset);
    }
  }

  /** Whole sectors, so that entries near each other go out together. */
  async writeBack(): Promise<void> {
    const perSector = SECTOR_SIZE / TABLE_ENTRY_SIZE;
    const sectors = new Set([...this.#dirty].map((index) => Math.floor(index / perSector)));
    for (const sector of [...sectors].sort((a, b) => a - b)) {
      const first = sector * perSector;
      // The last sector is cut: what lies behind the table is not the table's to write.
      const bytes = this.#encode(first, Math.min(first + perSector, this.length));
      const at = this.#header.header.l1Offset + first * TABLE_ENTRY_SIZE;
      await this.#file.write(bytes, at);
    }
    this.#dirty.clear();
  }

  /** All of the table, to be written to another place. */
  encode(): Uint8Array<ArrayBuffer> {
    return this.#encode(0, this.length);
  }

  /** The header points to the larger table from now on. */
  grow(length: number): void {
    const larger = new BigUint64Array(length);
    larger.set(this.#entries);
    this.#entries = larger;
  }

  #encode(from: number, to: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array((to - from) * TABLE_ENTRY_SIZE);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < to - from; i++) {
      view.setBigUint64(i * TABLE_ENTRY_SIZE, this.#entries[from + i]!);
    }
    return bytes;
  }

  #fault(index: number, problem: string): Error {
    return corrupt({
      where: this.#file.label,
      struct: 'L1 table',
      field: `entry ${index}`,
      offset: this.#header.header.l1Offset + index * TABLE_ENTRY_SIZE,
      problem,
    });
  }
}
