import type { Finding, Severity } from '../findings.ts';
import type { ClusterCounter } from './cluster-counter.ts';
import { copiedMessage } from './walk-l1.ts';
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
      if ((high & COMPRESSED) === 0) this.#standard(high, low, offset);
      else this.#compressed(high, low, offset);
    }
  }

  #standard(high: number, low: number, at: number): void {
    if ((high & RESERVED_HIGH) !== 0 || (low & RESERVED_LOW) !== 0) {
      this.#report(at, 'has reserved bits set');
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
    if (activeWeight > 0) this.#countAllocation(cluster, (high & COPIED) !== 0, at);
    if ((low & this.#unaligned) !== 0) {
      const offset = highPart * 2 ** 32 + ((low & ~(SECTOR - 1)) >>> 0);
      this.#report(at, `points to ${offset}, not the start of a cluster`);
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
    this.#countAllocation(cluster, isCopied, at);
    if (count === 1) return;
    allocation.allocated += activeWeight * (count - 1);
    this.#next = cluster + count;
    if (isCopied && single.hasRun(cluster + 1, count - 1)) return;
    for (let i = 1; i < count; i++) {
      if (isCopied === single.has(cluster + i)) continue;
      this.#reportCopied(at + i * this.#entrySize, cluster + i, isCopied);
    }
  }

  #countAllocation(cluster: number, isCopied: boolean, at: number): void {
    const { allocation, single } = this.#walk;
    const { activeWeight } = this.#table;
    allocation.allocated += activeWeight;
    if (this.#next !== 0 && this.#next !== cluster) allocation.fragmented += activeWeight;
    this.#next = cluster + 1;
    if (isCopied !== single.has(cluster)) this.#reportCopied(at, cluster, isCopied);
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
      return this.#report(at, `points to ${offset}, not the start of a cluster`);
    }
    const { activeWeight } = this.#table;
    allocation.allocated += activeWeight;
    if (this.#next !== 0 && this.#next !== cluster) allocation.fragmented += activeWeight;
    this.#next = cluster + 1;
    if (dataFile === undefined || offset < dataFile.size) return;
    this.#report(at, `points to ${offset}, and the data file ends at ${dataFile.size}`, 'note');
  }

  /** qcow2.rst, "Compressed Clusters Descriptor". */
  #compressed(high: number, low: number, at: number): void {
    const { layout, allocation } = this.#walk;
    if (layout.hasDataFile) return this.#report(at, 'is compressed, and there is a data file');
    if ((high & COPIED) !== 0) this.#report(at, 'is compressed, yet marked as writable in place');
    const highBits = 62 - (this.#clusterBits - 8) - 32;
    const descriptor = high & 0x3fff_ffff;
    const host = (descriptor & (2 ** highBits - 1)) * 2 ** 32 + (low >>> 0);
    const length = ((descriptor >>> highBits) + 1) * SECTOR - (host % SECTOR);
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
    if ((high & COMPRESSED) !== 0) return this.#report(at, 'is compressed, and has subclusters');
    if ((zero & allocated) !== 0) this.#report(at, 'has subclusters both allocated and zero');
    const isPlaced = (high & (OFFSET_HIGH | COPIED)) !== 0 || view.getInt32(place + 4) >>> 9 !== 0;
    if (allocated !== 0 && !isPlaced) this.#report(at, 'has allocated subclusters, and no cluster');
  }

  #beyond(at: number, offset: number, length: number): void {
    const { references } = this.#walk;
    const what = `the cluster of the L2 entry at byte ${at}`;
    references.reportBeyond({ offset, length }, this.#table.weight, {
      what,
      ...this.#guest(at),
    });
  }

  #report(at: number, problem: string, severity: Severity = 'corruption'): void {
    const message = `the L2 entry at byte ${at} ${problem}`;
    const finding = {
      kind: 'l2-entry',
      severity,
      offset: at,
      message,
      ...this.#guest(at),
    } as const;
    this.#walk.findings.add(finding, this.#table.weight);
  }

  #reportCopied(at: number, cluster: number, isCopied: boolean): void {
    const message = copiedMessage(`the L2 entry at byte ${at}`, isCopied);
    this.#walk.findings.add(
      { kind: 'copied-flag', severity: 'corruption', offset: at, cluster, message },
      this.#table.activeWeight,
    );
  }

  #guest(at: number): Pick<Finding, 'guestOffset'> {
    const { offset, activeWeight } = this.#table;
    if (activeWeight === 0 || !this.#walk.findings.isHeard) return {};
    const guestOffset = this.#walk.guestOffsetOf(offset, (at - offset) / this.#entrySize);
    return guestOffset === undefined ? {} : { guestOffset };
  }
}

interface RunLimits {
  /** Entries at most. */
  readonly most: number;
  readonly clusterSize: number;
}

/** Entries, with the one at `place`, each of which leads to the cluster behind that of the last. */
function runLength(view: DataView, place: number, { most, clusterSize }: RunLimits): number {
  const high = view.getInt32(place);
  let low = view.getInt32(place + 4);
  let count = 1;
  for (let at = place + 8; count < most; at += 8) {
    low = (low + clusterSize) | 0;
    // Where the low half begins anew the high one differs, and so does the run.
    if (low === 0 || view.getInt32(at + 4) !== low || view.getInt32(at) !== high) break;
    count += 1;
  }
  return count;
}
