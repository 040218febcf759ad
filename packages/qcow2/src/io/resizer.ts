import { isUnchanged, TidemarkError, unchanging } from '@tidemark/core';
import { hasDataFile } from '../data-file/data-file.ts';
import { linkInPlace } from '../data-file/link-in-place.ts';
import { unsupported } from '../errors.ts';
import { l1EntriesFor, roundUp, SECTOR_SIZE, TABLE_ENTRY_SIZE } from '../geometry.ts';
import type { HeaderPatch } from '../header/header-owner.ts';
import { Limit } from '../header/spec.ts';
import type { ImageState } from '../image-state.ts';
import { moveL1 } from '../mapping/move-l1.ts';
import type { BackingFile } from './backing-file.ts';
import type { Zeroer } from './zeroer.ts';

interface ResizerParts {
  readonly state: ImageState;
  readonly zeroer: Zeroer;
  readonly backing: BackingFile;
}

/**
 * Gives the disk in an image another size: what that needs is durable before the commit, which is
 * one write of sector 0, with whatever else has to change there; what is needed no longer is given
 * back after it.
 */
export class Resizer {
  readonly #state: ImageState;
  readonly #zeroer: Zeroer;
  readonly #backing: BackingFile;

  constructor({ state, zeroer, backing }: ResizerParts) {
    this.#state = state;
    this.#zeroer = zeroer;
    this.#backing = backing;
  }

  /** Bytes. @throws OUT_OF_RANGE, IMAGE_UNSUPPORTED; RangeError: no size in whole sectors */
  check(size: number): void {
    const { header, geometry, file, data } = this.#state;
    const where = file.label;
    if (!Number.isSafeInteger(size) || size < 0 || size % SECTOR_SIZE !== 0) {
      throw new RangeError(`expected a size in whole sectors of 512 bytes, got ${size}`);
    }
    if (size === header.virtualSize) return;
    if (hasDataFile(header) && !data.isExternal) {
      const hint = 'open it with its data file, or make it an image without one first';
      throw unsupported(where, 'the data file, which was not opened, has to be resized, too', hint);
    }
    if (l1EntriesFor(size, geometry) * TABLE_ENTRY_SIZE > Limit.l1Bytes) {
      throw new TidemarkError('OUT_OF_RANGE', `a disk of ${size} bytes needs larger clusters`, {
        where,
        hint: "convert it with 'qemu-img convert' to larger clusters",
      });
    }
    if (header.version === 2 && header.snapshotCount > 0) {
      throw unsupported(where, 'a version 2 image with snapshots cannot be resized', 'upgrade it');
    }
  }

  /** Makes sure that nothing but zeros is going to show in what is added. */
  async prepare(size: number): Promise<void> {
    const { geometry, header } = this.#state;
    const before = header.virtualSize;
    if (size <= before) return;
    // What a shrink has left behind the end, where it was cut off.
    await this.#cut(before);
    // The backing file, or the end of the last cluster, must not show in the part that is added.
    const clusterEnd = roundUp(before, geometry.clusterSize);
    const hidden = Math.min(size, Math.max(clusterEnd, this.#backing.size));
    if (hidden > before) await this.#hide(before, hidden);
    await this.#state.data.resize?.(before, size);
  }

  async #hide(before: number, hidden: number): Promise<void> {
    const { geometry, map } = this.#state;
    // Zeros need their place in the table, so this comes with a commit of its own.
    if (l1EntriesFor(hidden, geometry) > map.l1.length) await this.#growL1(hidden);
    await this.#zeroer.writeZeroes(before, hidden - before, {});
  }

  /** Inside `mutex`. `write` changes the header, these fields included: the commit point. */
  async commit(size: number, write: (fields: HeaderPatch) => Promise<void>): Promise<void> {
    const moved = await unchanging(async () => {
      const place = await moveL1(this.#state, size);
      await this.#state.writeBack();
      return place;
    });
    try {
      await write({ virtualSize: size, ...moved?.fields });
    } catch (error) {
      if (isUnchanged(error)) await moved?.abandon();
      throw error;
    }
    moved?.done();
  }

  /**
   * Gives back what lies behind the end. Best effort, for the size is as it was asked to be: what
   * stays is mapped and counted, and goes before the disk can grow again.
   */
  async finish(): Promise<void> {
    const { header, data } = this.#state;
    const size = header.virtualSize;
    await this.#cut(size).catch(() => {});
    await this.#clearTail(size).catch(() => {});
    // QEMU maps all of a raw data file: so does who else writes it.
    if (data.isRaw) await linkInPlace(this.#state, size).catch(() => {});
    if (data.isExternal && data.file.size > size) await data.resize?.(size, size).catch(() => {});
  }

  /**
   * QEMU (7.2, run) grows a disk without a look at the cluster that it ends in: what a shrink has cut
   * off there would show again.
   */
  async #clearTail(end: number): Promise<void> {
    const { geometry, map, data } = this.#state;
    if (data.isExternal) return;
    const clusterEnd = roundUp(end, geometry.clusterSize);
    // Subclusters may be of several kinds.
    for (let at = end; at < clusterEnd;) {
      const { mapping, length } = await map.atRun(at, clusterEnd - at, (run) => run);
      const { kind } = mapping;
      if (kind === 'data' || kind === 'compressed') await this.#zeroer.writeZeroes(at, length, {});
      at += length;
    }
  }

  async #growL1(size: number): Promise<void> {
    const { mutex, owner } = this.#state;
    await mutex.run(async () => {
      const { virtualSize } = owner.header;
      await this.commit(size, (fields) => owner.patch({ ...fields, virtualSize }));
    });
  }

  async #cut(size: number): Promise<void> {
    const { geometry, map, mutex } = this.#state;
    const end = roundUp(size, geometry.clusterSize);
    await this.#zeroer.drop(end, map.l1.length * geometry.l2Coverage);
    await mutex.run(async () => this.#state.dropTables(Math.ceil(end / geometry.l2Coverage)));
  }
}
