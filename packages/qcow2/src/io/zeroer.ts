import type { WriteZeroesOptions } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import type { ImageState } from '../image-state.ts';
import type { Mapping, NewMapping } from '../mapping/l2-entry.ts';
import type { BackingFile } from './backing-file.ts';
import { unlinkOld, type Writer } from './writer.ts';

/** Bytes of zeros written at once, where no flag can say so. */
const ZEROS = new Uint8Array(1024 * 1024);

/** What a whole cluster becomes; undefined leaves it as it is. */
type Change = (old: Mapping) => NewMapping | undefined;

interface ZeroRange {
  readonly offset: number;
  readonly length: number;
  /** Of the whole clusters in it. */
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
    const { from, to } = this.#wholeClusters(offset, length);
    if (options.fast === true) this.#assertFast({ offset, length, from, to, unmap });
    if (from >= to) return this.#writeZeros(offset, length);
    await this.#writeZeros(offset, from - offset);
    if (this.#state.header.version >= 3) {
      await this.#changeClusters(from, to, (old) => this.#zeroed(old, unmap));
    } else if (unmap && this.#backing.size === 0) {
      await this.#changeClusters(from, to, dropped);
    } else {
      await this.#writeZeros(from, to - from);
    }
    await this.#writeZeros(to, offset + length - to);
  }

  /** Whole clusters only. In version 2, dropped ones would show the backing file: they stay. */
  async discard(offset: number, length: number): Promise<void> {
    const { from, to } = this.#wholeClusters(offset, length);
    if (from >= to) return;
    const hasBacking = this.#backing.size > 0;
    if (!hasBacking) return this.#changeClusters(from, to, dropped);
    if (this.#state.header.version < 3) return;
    await this.#changeClusters(from, to, (old) => this.#zeroed(old, true));
  }

  /** Maps whole clusters to nothing, whatever that shows: they lie behind the disk's end. */
  async drop(from: number, to: number): Promise<void> {
    await this.#changeClusters(from, to, dropped);
  }

  /** The disk's last cluster is whole although the disk may end inside it. */
  #wholeClusters(offset: number, length: number): { from: number; to: number } {
    const { clusterSize } = this.#state.geometry;
    const end = offset + length;
    const from = Math.ceil(offset / clusterSize) * clusterSize;
    const isEnd = end >= this.#state.header.virtualSize;
    return { from, to: isEnd ? end : Math.floor(end / clusterSize) * clusterSize };
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

  #zeroed(old: Mapping, unmap: boolean): NewMapping | undefined {
    switch (old.kind) {
      case 'unallocated':
        return this.#backing.size > 0 ? { kind: 'zero' } : undefined;
      case 'zero':
        return unmap && old.host !== undefined ? { kind: 'zero' } : undefined;
      case 'data':
        return unmap || !old.exclusive ? { kind: 'zero' } : { kind: 'zero', host: old.host };
      default:
        return { kind: 'zero' };
    }
  }

  async #changeClusters(from: number, to: number, change: Change): Promise<void> {
    const { map, geometry, clusterLocks } = this.#state;
    for (let at = from; at < to;) {
      const end = Math.min(to, map.tableEnd(at));
      const run = await map.atRun(at, to - at, (found) => found);
      if (run.mapping.kind === 'unallocated' && change(run.mapping) === undefined) {
        at += run.length;
        continue;
      }
      const first = at / geometry.clusterSize;
      const count = Math.ceil((end - at) / geometry.clusterSize);
      const start = at;
      await clusterLocks.run(first, first + count - 1, () =>
        this.#changeInTable(start, count, change),
      );
      at = end;
    }
  }

  async #changeInTable(offset: number, count: number, change: Change): Promise<void> {
    await this.#state.mutex.run(async () => {
      await this.#state.ensureTable(offset);
      await this.#state.map.replace(offset, count, (old) => {
        const next = change(old);
        if (next === undefined) return undefined;
        unlinkOld(this.#state, old, next.kind === 'unallocated' ? undefined : next.host);
        return next;
      });
    });
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

function dropped(old: Mapping): NewMapping | undefined {
  return old.kind === 'unallocated' ? undefined : { kind: 'unallocated' };
}
