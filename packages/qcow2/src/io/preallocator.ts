import { roundUp } from '../geometry.ts';
import type { ImageState } from '../image-state.ts';
import type { Run } from '../mapping/cluster-map.ts';
import { allParts } from '../mapping/cluster-entry.ts';
import type { Allocation } from '../refcounts/allocator.ts';
import type { BackingFile } from './backing-file.ts';
import type { Writer } from './writer.ts';

/**
 * How parts of the disk get places before anything is written there: in the tables only (`metadata`),
 * with space set aside in the file (`falloc`), or with zeros written (`full`).
 */
export type Preallocation = 'metadata' | 'falloc' | 'full';

interface PreallocatorParts {
  readonly state: ImageState;
  readonly writer: Writer;
  readonly backing: BackingFile;
}

/** Bytes of zeros that are written at once. */
const ZEROS = new Uint8Array(1024 * 1024);

/** Gives places to what shows zeros, as it does afterwards. Callers have checked the range. */
export class Preallocator {
  readonly #state: ImageState;
  readonly #writer: Writer;
  readonly #backing: BackingFile;

  constructor({ state, writer, backing }: PreallocatorParts) {
    this.#state = state;
    this.#writer = writer;
    this.#backing = backing;
  }

  async fill(offset: number, length: number, how: Preallocation): Promise<void> {
    const end = offset + length;
    if (how === 'full') return this.#write(offset, end);
    const { geometry, data, map } = this.#state;
    if (data.isRaw) {
      // All of it has its place already.
      if (how === 'falloc') await this.#zero({ offset, clusterCount: 0 }, length, how);
      return;
    }
    // The rest of a cluster may have content.
    const first = Math.min(end, roundUp(offset, geometry.clusterSize));
    await this.#write(offset, first);
    for (let at = first; at < end;) {
      const stop = Math.min(end, map.tableEnd(at));
      await this.#fillInTable(at, stop, how);
      at = stop;
    }
  }

  async #write(from: number, to: number): Promise<void> {
    for (let at = from; at < to; at += ZEROS.length) {
      await this.#writer.write(ZEROS.subarray(0, Math.min(ZEROS.length, to - at)), at);
    }
  }

  async #fillInTable(from: number, to: number, how: Preallocation): Promise<void> {
    const { map, clusterLocks, geometry } = this.#state;
    const { clusterSize } = geometry;
    const last = Math.ceil(to / clusterSize) - 1;
    await clusterLocks.run(from / clusterSize, last, async () => {
      for (let at = from; at < to;) {
        const run = await map.atRun(at, to - at, (found) => found);
        // Parts of one cluster may be of several kinds.
        const end = Math.min(to, roundUp(at + run.length, clusterSize));
        if (this.#isEmpty(run, at)) await this.#place(at, end, how);
        at = end;
      }
    });
  }

  #isEmpty({ mapping: { kind, host } }: Run, offset: number): boolean {
    if (host !== undefined) return false;
    return kind === 'zero' || (kind === 'unallocated' && offset >= this.#backing.size);
  }

  async #place(from: number, to: number, how: Preallocation): Promise<void> {
    const { data, geometry } = this.#state;
    const { clusterSize } = geometry;
    for (let at = from; at < to;) {
      const place = await data.allocate(at, Math.ceil((to - at) / clusterSize));
      const length = place.clusterCount * clusterSize;
      try {
        await this.#zero(place, data.isExternal ? Math.min(length, to - at) : length, how);
        await this.#link(at, place);
      } catch (error) {
        // A failure here leaves a leak, and must not hide the error that led to it.
        await data.abandon(place).catch(() => undefined);
        throw error;
      }
      at += length;
    }
  }

  /** What lies behind the end of the file is zeros as soon as the file is longer. */
  async #zero({ offset }: Allocation, length: number, how: Preallocation): Promise<void> {
    const { file } = this.#state.data;
    file.assertSound();
    const isNew = offset >= file.size;
    await file.ensureSize(offset + length);
    if (isNew && how === 'metadata') return;
    await file.device.writeZeroes(offset, length, { unmap: how === 'metadata' });
  }

  async #link(guest: number, { offset, clusterCount }: Allocation): Promise<void> {
    const { mutex, map, geometry } = this.#state;
    await mutex.run(async () => {
      await this.#state.ensureTable(guest);
      await map.replace(guest, clusterCount, (_, i) => ({
        kind: 'cluster',
        host: offset + i * geometry.clusterSize,
        exclusive: true,
        data: allParts(geometry),
        zero: 0,
      }));
    });
  }
}
