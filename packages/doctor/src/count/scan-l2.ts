import type { Finding, Severity } from '../findings.ts';
import type { ClusterCounter } from './cluster-counter.ts';
import { entryOf, hex, hexOf } from '../qemu-line.ts';
import { runLength } from './run-length.ts';
import type { Walk } from './walk.ts';

/** qcow2.rst, "L2 table entry", in halves of 32 bits. */
const COPIED = 0x8000_0000;
const COMPRESSED = 0x4000_0000;
const RESERVED_HIGH = 0x3f00_0000;
/** All but the offset and the copied flag. */
const UNUSUAL_HIGH = 0x7f00_0000;
const OFFSET_HIGH = 0x00ff_ffff;
const RESERVED_LOW = 0x1fe;
const ZERO = 1;
const SECTOR = 512;

export interface L2Table {
  /** Bytes in the file. */
  readonly offset: number;
  /** L1 entries that refer to it, and how many of those are active. */
  readonly weight: number;
  readonly activeWeight: number;
}

/** Counts what the entries of L2 tables refer to. This runs for each cluster of the disk. */
export class L2Scanner {
  readonly #walk: Walk;
  readonly #entrySize: number;
  readonly #clusterBits: number;
  readonly #clusterSize: number;
  readonly #highFactor: number;
  readonly #unaligned: number;
  /** Bits of the low half that make an entry one to be looked at closely. */
  readonly #unusualLow: number;
  readonly #counter: ClusterCounter;
  readonly #clusters: number;
  #table: L2Table = { offset: 0, weight: 0, activeWeight: 0 };
  /** Where the next cluster of this table has to be for it not to be fragmented. */
  #next = 0;
  /** Whether the entry, as far as it goes, has more than zeros in its place. */
  #hasData = true;

  constructor(walk: Walk) {
    const { clusterBits, clusterSize, hasExtendedL2 } = walk.layout;
    this.#walk = walk;
    this.#entrySize = hasExtendedL2 ? 16 : 8;
    this.#clusterBits = clusterBits;
    this.#clusterSize = clusterSize;
    this.#highFactor = 2 ** (32 - clusterBits);
    this.#unaligned = (clusterSize - 1) & ~(SECTOR - 1);
    this.#unusualLow = clusterSize - 1;
    this.#counter = walk.references.counter;
    // None at all, where the clusters are in another file.
    this.#clusters = walk.layout.hasDataFile ? 0 : walk.references.clusters;
  }

  /** `bytes`: the whole table. */
  scan(bytes: Uint8Array, table: L2Table): void {
    this.#table = table;
    this.#next = 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // Most words of most tables are zero, whatever the order of their bytes.
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    const step = this.#entrySize / 4;
    for (let word = 0; word < words.length; word += step) {
      const sub = step === 4 && (words[word + 2] !== 0 || words[word + 3] !== 0);
      if (words[word] === 0 && words[word + 1] === 0 && !sub) continue;
      const place = word * 4;
      const high = view.getInt32(place);
      const low = view.getInt32(place + 4);
      // Nearly all entries are of this kind: a cluster of data, aligned, in this file.
      if ((high & UNUSUAL_HIGH) === 0 && (low & this.#unusualLow) === 0 && step === 2) {
        const cluster = (high & OFFSET_HIGH) * this.#highFactor + (low >>> this.#clusterBits);
        if (cluster !== 0 && cluster < this.#clusters) {
          const most = Math.min((words.length - word) / 2, this.#clusters - cluster);
          const count = runLength(view, place, { most, clusterSize: this.#clusterSize });
          this.#data(cluster, count, high, table.offset + place);
          word += (count - 1) * step;
          continue;
        }
      }
      const offset = table.offset + place;
      if (sub) this.#checkSubclusters(view, place, offset);
      this.#hasData = step === 4 ? words[word + 3] !== 0 : (low & ZERO) === 0;
      if ((high & COMPRESSED) === 0) this.#standard(high, low, offset);
      else this.#compressed(high, low, offset);
    }
  }

  #standard(high: number, low: number, at: number): void {
    if ((high & RESERVED_HIGH) !== 0 || (low & RESERVED_LOW) !== 0) {
      const line = `ERROR found l2 entry with reserved bits set: ${hexOf(high, low)}`;
      this.#report(at, 'has reserved bits set', line);
    }
    const { layout, references } = this.#walk;
    if ((low & ZERO) !== 0 && layout.version < 3) {
      this.#report(at, 'has the zero flag, which version 2 does not know');
    }
    const highPart = high & OFFSET_HIGH;
    if (layout.hasDataFile) return this.#inDataFile(high, low, at);
    if (highPart === 0 && low >>> 9 === 0) return;
    const cluster = highPart * this.#highFactor + (low >>> this.#clusterBits);
    const { weight, activeWeight } = this.#table;
    const offset = highPart * 2 ** 32 + ((low & ~(SECTOR - 1)) >>> 0);
    if (activeWeight > 0) {
      this.#countAllocation(offset / this.#clusterSize, entryOf(high, low), at);
    }
    if ((low & this.#unaligned) !== 0) {
      this.#reportUnaligned(at, offset);
      // Whatever it means, it must not be given to somebody else.
      this.#countRange(offset, this.#clusterSize, at);
    } else if (cluster < references.clusters) references.counter.add(cluster, weight);
    else this.#beyond(at, cluster * this.#clusterSize, this.#clusterSize);
  }

  /** Clusters in a row, whose entries are alike. */
  #data(cluster: number, count: number, high: number, at: number): void {
    const { weight, activeWeight } = this.#table;
    this.#counter.addRun(cluster, count, weight);
    if (activeWeight === 0) return;
    const isCopied = (high & COPIED) !== 0;
    const { allocation, single } = this.#walk;
    // Of the first one more has to be seen: whether it follows the one before.
    const entry = entryOf(high & ~OFFSET_HIGH, 0) | BigInt(cluster * this.#clusterSize);
    this.#countAllocation(cluster, entry, at);
    if (count === 1) return;
    allocation.allocated += activeWeight * (count - 1);
    this.#next = cluster + count;
    if (isCopied && single.hasRun(cluster + 1, count - 1)) return;
    for (let i = 1; i < count; i++) {
      if (isCopied === single.has(cluster + i)) continue;
      const at2 = at + i * this.#entrySize;
      this.#reportCopied(at2, cluster + i, entry + BigInt(i * this.#clusterSize));
    }
  }

  /** `place`: in clusters; a broken entry may lead into the midst of one. */
  #countAllocation(place: number, entry: bigint, at: number): void {
    const { allocation, single } = this.#walk;
    const { activeWeight } = this.#table;
    allocation.allocated += activeWeight;
    if (this.#next !== 0 && this.#next !== place) allocation.fragmented += activeWeight;
    this.#next = place + 1;
    const cluster = Math.floor(place);
    if ((entry >> 63n === 1n) !== single.has(cluster)) this.#reportCopied(at, cluster, entry);
  }

  #countRange(offset: number, length: number, at: number): void {
    const { references } = this.#walk;
    const end = Math.ceil((offset + length) / this.#clusterSize);
    if (end > references.clusters) return this.#beyond(at, offset, length);
    for (let cluster = Math.floor(offset / this.#clusterSize); cluster < end; cluster++) {
      references.counter.add(cluster, this.#table.weight);
    }
  }

  /** Nothing of it is counted: a data file has no refcounts. */
  #inDataFile(high: number, low: number, at: number): void {
    const { dataFile, allocation } = this.#walk;
    const offset = (high & OFFSET_HIGH) * 2 ** 32 + ((low & ~(SECTOR - 1)) >>> 0);
    // Offset 0 is a place like any other there, if the flag says so.
    if (offset === 0 && (high & COPIED) === 0) return;
    const cluster = offset / this.#clusterSize;
    if (!Number.isInteger(cluster)) {
      return this.#reportUnaligned(at, offset);
    }
    const { activeWeight } = this.#table;
    allocation.allocated += activeWeight;
    if (this.#next !== 0 && this.#next !== cluster) allocation.fragmented += activeWeight;
    this.#next = cluster + 1;
    if (dataFile === undefined || offset < dataFile.size) return;
    const problem = `points to ${offset}, and the data file ends at ${dataFile.size}`;
    this.#report(at, problem, undefined, 'note');
  }

  /** qcow2.rst, "Compressed Clusters Descriptor". */
  #compressed(high: number, low: number, at: number): void {
    const { layout, allocation } = this.#walk;
    const described = `compressed cluster ${this.#indexOf(at)} with`;
    const entry = `entry=0x${hexOf(high, low)}`;
    if (layout.hasDataFile) {
      const line = `ERROR ${described} data file, ${entry}`;
      return this.#report(at, 'is compressed, and there is a data file', line);
    }
    const highBits = 62 - (this.#clusterBits - 8) - 32;
    const descriptor = high & 0x3fff_ffff;
    const host = (descriptor & (2 ** highBits - 1)) * 2 ** 32 + (low >>> 0);
    const length = ((descriptor >>> highBits) + 1) * SECTOR - (host % SECTOR);
    if ((high & COPIED) !== 0) {
      const line = `ERROR: coffset=0x${hex(host)}: copied flag must never be set for compressed clusters`;
      this.#report(at, 'is compressed, yet marked as writable in place', line);
    }
    const { activeWeight } = this.#table;
    // A compressed cluster is fragmented by its nature, and QEMU counts it so.
    allocation.allocated += activeWeight;
    allocation.fragmented += activeWeight;
    allocation.compressed += activeWeight;
    this.#countRange(host, length, at);
  }

  /** qcow2.rst, "Extended L2 Entries": 32 bits of what is allocated, below 32 of what is zero. */
  #checkSubclusters(view: DataView, place: number, at: number): void {
    const high = view.getInt32(place);
    const zero = view.getInt32(place + 8);
    const allocated = view.getInt32(place + 12);
    const low = view.getInt32(place + 4);
    if ((high & COMPRESSED) !== 0) {
      const described = `compressed cluster ${this.#indexOf(at)}`;
      const line = `ERROR ${described} with non-zero subcluster allocation bitmap, entry=0x${hexOf(high, low)}`;
      return this.#report(at, 'is compressed, and has subclusters', line);
    }
    if ((zero & allocated) !== 0) {
      const offset = hexOf(high & OFFSET_HIGH, low & ~(SECTOR - 1));
      const line = `ERROR offset=${offset}: Allocated cluster has corrupted subcluster allocation bitmap`;
      this.#report(at, 'has subclusters both allocated and zero', line);
    }
    const isPlaced = (high & (OFFSET_HIGH | COPIED)) !== 0 || low >>> 9 !== 0;
    if (allocated === 0 || isPlaced) return;
    const line = 'ERROR: Unallocated cluster has non-zero subcluster allocation map';
    this.#report(at, 'has allocated subclusters, and no cluster', line);
  }

  #beyond(at: number, offset: number, length: number): void {
    const { references } = this.#walk;
    const what = `the cluster of the L2 entry at byte ${at}`;
    references.reportBeyond({ offset, length }, this.#table.weight, {
      what,
      ...this.#guest(at),
    });
  }

  #reportUnaligned(at: number, offset: number): void {
    const kind = this.#hasData ? 'Data' : 'Preallocated';
    const line = `ERROR offset=${hex(offset)}: ${kind} cluster is not properly aligned; L2 entry corrupted.`;
    this.#report(at, `points to ${offset}, not the start of a cluster`, line);
  }

  #indexOf(at: number): number {
    return (at - this.#table.offset) / this.#entrySize;
  }

  #report(at: number, problem: string, qemuLine?: string, severity: Severity = 'corruption'): void {
    const message = `the L2 entry at byte ${at} ${problem}`;
    const finding = {
      kind: 'l2-entry',
      severity,
      offset: at,
      message,
      ...(qemuLine !== undefined && { qemuLine }),
      ...this.#guest(at),
    } as const;
    this.#walk.findings.add(finding, this.#table.weight);
  }

  #reportCopied(at: number, cluster: number, entry: bigint): void {
    const weight = this.#table.activeWeight;
    this.#walk.copiedFaults.add(this.#walk, { at, entry, cluster, weight });
  }

  #guest(at: number): Pick<Finding, 'guestOffset'> {
    const { offset, activeWeight } = this.#table;
    if (activeWeight === 0 || !this.#walk.findings.isHeard) return {};
    const guestOffset = this.#walk.guestOffsetOf(offset, this.#indexOf(at));
    return guestOffset === undefined ? {} : { guestOffset };
  }
}
