import { BitmapsExtension, HeaderV3, Incompatible } from '../../src/header/spec.ts';
import { BitmapDirectoryEntry } from '../../src/bitmaps/spec.ts';

export interface CheckResult {
  /** What would damage data sooner or later: counted too low, pointing nowhere, used twice. */
  readonly corruptions: readonly string[];
  /** Clusters counted higher than they are used. */
  readonly leaks: number;
  /** Clusters that are linked behind the disk's end, tables included: a shrink was cut off there. */
  readonly behindEnd: number;
}

const OFFSET = 0x00ff_ffff_ffff_fe00n;
const COMPRESSED = 1n << 62n;
const EXCLUSIVE = 1n << 63n;

/**
 * A slow and simple check of a whole version 3 image without snapshots, of at least byte-wide
 * refcounts: walks everything that is linked, counts, and compares with the refcounts. Its verdicts
 * are held to those of `qemu-img check` by a test of its own.
 */
export function checkImage(bytes: Uint8Array): CheckResult {
  return new Checker(bytes).check();
}

class Checker {
  readonly #view: DataView;
  readonly #size: number;
  readonly #header: ReturnType<typeof HeaderV3.decode>;
  readonly #cluster: number;
  readonly #used = new Map<number, number>();
  readonly #exclusive = new Map<number, boolean>();
  readonly #corruptions: string[] = [];
  /** Where refcount blocks lie. */
  readonly #blocks = new Map<number, number>();
  #behindEnd = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#size = bytes.length;
    this.#header = HeaderV3.decode(bytes);
    this.#cluster = 2 ** this.#header.clusterBits;
  }

  check(): CheckResult {
    const header = this.#header;
    if (
      (header.incompatibleFeatures &
        ~(Incompatible.compressionType | Incompatible.dataFile | Incompatible.extendedL2)) !==
      0n
    ) {
      this.#corruptions.push(`incompatible features ${header.incompatibleFeatures}`);
    }
    this.#use('header', 0, this.#cluster);
    this.#use('L1 table', Number(header.l1TableOffset), header.l1Size * 8);
    for (let i = 0; i < header.l1Size; i++) this.#walkL2(i);
    const tableBytes = header.refcountTableClusters * this.#cluster;
    this.#use('refcount table', Number(header.refcountTableOffset), tableBytes);
    for (let i = 0; i < tableBytes / 8; i++) {
      const block = this.#u64(Number(header.refcountTableOffset) + i * 8);
      if (block !== 0n) this.#use(`refcount block ${i}`, Number(block), this.#cluster);
    }
    this.#walkBitmaps();
    const leaks = this.#compare();
    return { corruptions: this.#corruptions, leaks, behindEnd: this.#behindEnd };
  }

  #walkL2(index: number): void {
    const l1Entry = this.#u64(Number(this.#header.l1TableOffset) + index * 8);
    if (l1Entry === 0n) return;
    const table = Number(l1Entry & OFFSET);
    this.#flag(table, l1Entry);
    this.#use('L2 table', table, this.#cluster);
    // What its entries point to lies in the data file.
    if ((this.#header.incompatibleFeatures & Incompatible.dataFile) !== 0n) return;
    const isExtended = (this.#header.incompatibleFeatures & Incompatible.extendedL2) !== 0n;
    const entrySize = isExtended ? 16 : 8;
    const perTable = this.#cluster / entrySize;
    // In clusters of the disk, from the first that this table maps.
    const end = Number(this.#header.size) / this.#cluster - index * perTable;
    if (end <= 0) this.#behindEnd += 1;
    for (let i = 0; i < perTable; i++) {
      const entry = this.#u64(table + i * entrySize);
      const parts = isExtended ? this.#u64(table + i * entrySize + 8) : 0n;
      if ((parts & (parts >> 32n)) !== 0n) this.#corruptions.push(`parts of both kinds at ${i}`);
      const host = Number(entry & OFFSET);
      if ((entry & COMPRESSED) !== 0n) this.#usePacked(entry, i);
      else if (host !== 0) {
        this.#flag(host, entry);
        if (i >= end) this.#behindEnd += 1;
        this.#use(`data of L2 entry ${i} at ${table}`, host, 1);
      }
    }
  }

  #usePacked(entry: bigint, index: number): void {
    const offsetBits = BigInt(62 - (this.#header.clusterBits - 8));
    const host = Number(entry & ((1n << offsetBits) - 1n));
    const sectors = Number((entry & (COMPRESSED - 1n)) >> offsetBits) + 1;
    const end = (Math.floor(host / 512) + sectors) * 512;
    if (end > this.#size) this.#corruptions.push(`compressed entry ${index} is behind the end`);
    for (let i = Math.floor(host / this.#cluster); i * this.#cluster < end; i++) {
      this.#used.set(i, (this.#used.get(i) ?? 0) + 1);
    }
  }

  #walkBitmaps(): void {
    if ((this.#header.autoclearFeatures & 1n) === 0n) return;
    const at = this.#findBitmaps();
    if (at === undefined) {
      this.#corruptions.push('the autoclear bit is set, and there is no bitmaps extension');
      return;
    }
    const extension = BitmapsExtension.decode(new Uint8Array(this.#view.buffer), at);
    const directory = Number(extension.directoryOffset);
    const size = Number(extension.directorySize);
    this.#use('bitmap directory', directory, size);
    let entryAt = directory;
    for (let i = 0; i < extension.bitmapCount; i++) entryAt = this.#walkBitmap(entryAt);
    if (entryAt !== directory + size) this.#corruptions.push('the bitmap directory has no end');
  }

  #findBitmaps(): number | undefined {
    for (let at = this.#header.headerLength; at < this.#cluster;) {
      const type = this.#view.getUint32(at);
      const length = this.#view.getUint32(at + 4);
      if (type === 0) return undefined;
      if (type === 0x23852875) return at + 8;
      at += 8 + Math.ceil(length / 8) * 8;
    }
    return undefined;
  }

  #walkBitmap(at: number): number {
    const entry = BitmapDirectoryEntry.decode(new Uint8Array(this.#view.buffer), at);
    const table = Number(entry.tableOffset);
    this.#use('bitmap table', table, entry.tableSize * 8);
    for (let i = 0; i < entry.tableSize; i++) {
      const host = Number(this.#u64(table + i * 8) & OFFSET);
      if (host !== 0) this.#use('bitmap data', host, 1);
    }
    return at + Math.ceil((BitmapDirectoryEntry.size + entry.nameSize) / 8) * 8;
  }

  #use(what: string, offset: number, length: number): void {
    if (offset % this.#cluster !== 0) this.#corruptions.push(`${what} is inside a cluster`);
    if (offset + length > this.#size) this.#corruptions.push(`${what} lies behind the end`);
    const first = Math.floor(offset / this.#cluster);
    for (let i = first; i * this.#cluster < offset + length; i++) {
      this.#used.set(i, (this.#used.get(i) ?? 0) + 1);
    }
  }

  #flag(offset: number, entry: bigint): void {
    this.#exclusive.set(offset / this.#cluster, (entry & EXCLUSIVE) !== 0n);
  }

  #compare(): number {
    let leaks = 0;
    for (let cluster = 0; cluster * this.#cluster < this.#size; cluster++) {
      const used = this.#used.get(cluster) ?? 0;
      const counted = this.#refcount(cluster);
      if (counted < used) this.#corruptions.push(`cluster ${cluster}: ${counted} for ${used}`);
      if (counted > used) leaks++;
      const exclusive = this.#exclusive.get(cluster);
      if (exclusive !== undefined && exclusive !== (counted === 1)) {
        this.#corruptions.push(`cluster ${cluster}: counted ${counted}, exclusive ${exclusive}`);
      }
    }
    return leaks;
  }

  #refcount(cluster: number): number {
    const bytes = 2 ** this.#header.refcountOrder / 8;
    const perBlock = this.#cluster / bytes;
    const index = Math.floor(cluster / perBlock);
    if (index * 8 >= this.#header.refcountTableClusters * this.#cluster) return 0;
    const block = this.#blockAt(index);
    if (block === 0 || block + this.#cluster > this.#size) return 0;
    const at = block + (cluster % perBlock) * bytes;
    let value = 0;
    for (let i = 0; i < bytes; i++) value = value * 256 + this.#view.getUint8(at + i);
    return value;
  }

  #blockAt(index: number): number {
    let block = this.#blocks.get(index);
    if (block === undefined) {
      block = Number(this.#u64(Number(this.#header.refcountTableOffset) + index * 8));
      this.#blocks.set(index, block);
    }
    return block;
  }

  #u64(at: number): bigint {
    return at + 8 <= this.#size ? this.#view.getBigUint64(at) : 0n;
  }
}
