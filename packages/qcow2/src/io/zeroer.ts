import type { WriteZeroesOptions } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import type { ImageState } from '../image-state.ts';
import {
  allParts,
  type ClusterEntry,
  EMPTY_ENTRY,
  type L2Entry,
  partsTouched,
} from '../mapping/cluster-entry.ts';
import type { Mapping } from '../mapping/l2-entry.ts';
import type { HostRange } from '../util/range-set.ts';
import type { BackingFile } from './backing-file.ts';
import { unlinkOld, type Writer } from './writer.ts';

/** Bytes of zeros written at once, where no flag can say so. */
const ZEROS = new Uint8Array(1024 * 1024);

/** What becomes of these parts of a cluster; undefined: nothing. */
type Change = (old: ClusterEntry, parts: number) => ClusterEntry;

interface Range {
  readonly from: number;
  readonly to: number;
}

interface ZeroRange {
  readonly offset: number;
  readonly length: number;
  /** Of the whole parts in it. */
  readonly from: number;
  readonly to: number;
  readonly unmap: boolean;
}

interface ZeroerParts {
  readonly state: ImageState;
  readonly writer: Writer;
  readonly backing: BackingFile;
}

/** Zeroes and discards ranges of the disk, which callers have checked after `prepareToWrite`. */
export class Zeroer {
  readonly #state: ImageState;
  readonly #writer: Writer;
  readonly #backing: BackingFile;

  constructor({ state, writer, backing }: ZeroerParts) {
    this.#state = state;
    this.#writer = writer;
    this.#backing = backing;
  }

  async writeZeroes(offset: number, length: number, options: WriteZeroesOptions): Promise<void> {
    const unmap = options.unmap ?? true;
    if (this.#state.data.isRaw) return this.#zeroRaw(offset, length, options);
    const { from, to } = this.#wholeParts(offset, length);
    if (options.fast === true) this.#assertFast({ offset, length, from, to, unmap });
    if (from >= to) return this.#writeZeros(offset, length);
    await this.#writeZeros(offset, from - offset);
    if (this.#state.header.version >= 3) {
      const left = await this.#changeParts({ from, to }, (old, parts) =>
        this.#zeroed(old, parts, unmap),
      );
      for (const part of left) await this.#writeZeros(part.from, part.to - part.from);
    } else if (unmap && this.#backing.size === 0) {
      await this.#changeParts({ from, to }, dropped);
    } else {
      await this.#writeZeros(from, to - from);
    }
    await this.#writeZeros(to, offset + length - to);
  }

  /** Whole parts only. In version 2, dropped ones would show the backing file: they stay. */
  async discard(offset: number, length: number): Promise<void> {
    if (this.#state.data.isRaw) return this.#state.data.discard(offset, length);
    const range = this.#wholeParts(offset, length);
    if (range.from >= range.to) return;
    const hasBacking = this.#backing.size > 0;
    if (hasBacking && this.#state.header.version < 3) return;
    // Part of what is compressed stays as it is.
    await this.#changeParts(range, (old, parts) =>
      hasBacking ? this.#zeroed(old, parts, true) : dropped(old, parts),
    );
  }

  /** The map stays as it is: what reads its data from there finds zeros, and so does everybody else. */
  async #zeroRaw(offset: number, length: number, options: WriteZeroesOptions): Promise<void> {
    const { file } = this.#state.data;
    file.assertSound();
    await file.ensureSize(offset + length);
    await file.device.writeZeroes(offset, length, options);
  }

  /** Maps whole clusters to nothing, whatever that shows: they lie behind the disk's end. */
  async drop(from: number, to: number): Promise<void> {
    await this.#changeParts({ from, to }, dropped);
  }

  /** Of what is mapped on its own. The disk's last part is whole although the disk may end in it. */
  #wholeParts(offset: number, length: number): Range {
    const { subclusterSize } = this.#state.geometry;
    const end = offset + length;
    const from = Math.ceil(offset / subclusterSize) * subclusterSize;
    const isEnd = end >= this.#state.header.virtualSize;
    return { from, to: isEnd ? end : Math.floor(end / subclusterSize) * subclusterSize };
  }

  /** @throws DEVICE_UNSUPPORTED: some of it would have to be written */
  #assertFast(range: ZeroRange): void {
    const { offset, length, from, to, unmap } = range;
    const isWhole = from === offset && to === offset + length;
    if (isWhole && (this.#state.header.version >= 3 || (unmap && this.#backing.size === 0))) return;
    const where = this.#state.file.label;
    throw new TidemarkError('DEVICE_UNSUPPORTED', `${where} would have to write these zeros`, {
      where,
      hint: 'write them without asking for speed',
    });
  }

  #zeroed(old: ClusterEntry, parts: number, unmap: boolean): ClusterEntry {
    // Without a backing file, what is not allocated shows zeros already.
    const hidden = this.#backing.size > 0 ? parts : parts & old.data;
    const data = (old.data & ~parts) >>> 0;
    const zero = (old.zero | hidden) >>> 0;
    return { ...old, data, zero, ...(mayGo(old, data, unmap) && NO_HOST) };
  }

  /** @returns ranges that stay as they are: parts of compressed clusters */
  async #changeParts({ from, to }: Range, change: Change): Promise<Range[]> {
    const { map, geometry, clusterLocks } = this.#state;
    const { clusterSize } = geometry;
    const left: Range[] = [];
    for (let at = from; at < to;) {
      const end = Math.min(to, map.tableEnd(at));
      const run = await map.atRun(at, to - at, (found) => found);
      if (isEmptyRun(run.mapping) && isSame(change(EMPTY_ENTRY, 1), EMPTY_ENTRY)) {
        at += run.length;
        continue;
      }
      const first = Math.floor(at / clusterSize);
      const last = Math.ceil(end / clusterSize) - 1;
      const range = { from: at, to: end };
      await clusterLocks.run(first, last, async () => {
        left.push(...(await this.#changeInTable(range, change)));
      });
      at = end;
    }
    return left;
  }

  async #changeInTable({ from, to }: Range, change: Change): Promise<Range[]> {
    const { mutex, map, geometry, data } = this.#state;
    const { clusterSize } = geometry;
    const start = from - (from % clusterSize);
    const count = Math.ceil((to - start) / clusterSize);
    const left: Range[] = [];
    const gone: HostRange[] = [];
    await mutex.run(async () => {
      await this.#state.ensureTable(start);
      await map.replace(start, count, (old, i) => {
        const cluster = start + i * clusterSize;
        const inside = { from: Math.max(from, cluster), to: Math.min(to, cluster + clusterSize) };
        const parts = this.#partsOf(inside, cluster);
        const isCompressed = old.kind === 'compressed';
        if (isCompressed && parts !== allParts(geometry)) {
          left.push(inside);
          return undefined;
        }
        const next = change(isCompressed ? { ...EMPTY_ENTRY, data: parts } : old, parts);
        if (isSame(next, old)) return undefined;
        unlinkOld(this.#state, old, next.host);
        if (old.host !== undefined && next.host === undefined)
          addCluster(gone, old.host, clusterSize);
        return next;
      });
    });
    // Before anybody else may link the same place again.
    for (const range of gone) await data.discard(range.offset, range.length);
    return left;
  }

  /** What lies behind the disk's end goes with the part that it ends in. */
  #partsOf({ from, to }: Range, cluster: number): number {
    const { geometry, header } = this.#state;
    const end = to >= header.virtualSize ? cluster + geometry.clusterSize : to;
    return partsTouched(from - cluster, end - cluster, geometry);
  }

  /** Zeros as data, except where the disk shows zeros already. */
  async #writeZeros(offset: number, length: number): Promise<void> {
    const end = offset + length;
    for (let at = offset; at < end;) {
      const run = await this.#state.map.atRun(at, end - at, (found) => found);
      const size = Math.min(run.length, ZEROS.length);
      if (!this.#readsZero(run.mapping, at)) await this.#writer.write(ZEROS.subarray(0, size), at);
      at += size;
    }
  }

  #readsZero({ kind }: Mapping, offset: number): boolean {
    return kind === 'zero' || (kind === 'unallocated' && offset >= this.#backing.size);
  }
}

function addCluster(ranges: HostRange[], offset: number, length: number): void {
  const last = ranges.at(-1);
  if (last === undefined || last.offset + last.length !== offset) ranges.push({ offset, length });
  else ranges[ranges.length - 1] = { ...last, length: last.length + length };
}

const NO_HOST = { host: undefined, exclusive: false };

function dropped(old: ClusterEntry, parts: number): ClusterEntry {
  const data = (old.data & ~parts) >>> 0;
  const zero = (old.zero & ~parts) >>> 0;
  return { ...old, data, zero, ...(mayGo(old, data, true) && NO_HOST) };
}

/** Whether a host cluster that holds no data any more is given back. One that is shared always is. */
function mayGo({ exclusive }: ClusterEntry, data: number, unmap: boolean): boolean {
  return data === 0 && (unmap || !exclusive);
}

function isEmptyRun(mapping: Mapping): boolean {
  return mapping.kind === 'unallocated' && mapping.host === undefined;
}

function isSame(next: ClusterEntry, old: L2Entry): boolean {
  return (
    old.kind === 'cluster' &&
    next.host === old.host &&
    next.data === old.data &&
    next.zero === old.zero
  );
}
