import { placeOf, type StorePlace } from '@tidemark/checkpoint';
import {
  type BitmapChange,
  type BitmapInfo,
  type BitmapStore,
  type DirtyBitmap,
  type LiveBitmaps,
  type PreparedCommit,
} from '@tidemark/core';
import type { DriveBitmap } from '../drive-bitmap.ts';
import type { Durability, ResizeDurably, StoreChange } from '../durability.ts';
import { asLost, changesOf } from './changes-of.ts';
import { DiskKnowledge } from './disk-knowledge.ts';
import { GroupSync } from './group-sync.ts';
import type { LiveMarks } from './live-marks.ts';
import { TrackedBits } from './tracked-bits.ts';

export interface LiveDurabilityOptions {
  readonly store: BitmapStore;
  readonly live: LiveBitmaps;
  readonly marks: LiveMarks;
  /** Makes durable what was written to the drive before the call. */
  readonly flushDrive: () => Promise<void>;
  /** Called for the drive to give up this store's bitmaps, see `LiveTracking`. */
  readonly onAbandon: (keeper: LiveDurability) => Promise<void>;
}

const NOTHING: PreparedCommit = { commit: async () => {}, abort: async () => {} };

/**
 * Bitmaps that are on disk, valid, at every moment: what records is marked there before the drive
 * is written, and a change of any kind is one commit of the store. A crash leaves a superset of the
 * truth.
 */
export class LiveDurability implements Durability {
  readonly persistent = true;
  readonly storesAtOnce = true;
  readonly #options: LiveDurabilityOptions;
  readonly #known: DiskKnowledge;
  readonly #bits: TrackedBits;
  /** What was on disk when this began is durable. */
  #isSynced = false;
  constructor(options: LiveDurabilityOptions) {
    this.#options = options;
    const { store, live, marks } = options;
    this.#known = new DiskKnowledge(store.label);
    const syncs = new GroupSync(async () => {
      this.#known.assertSound();
      await live.sync();
    });
    this.#bits = new TrackedBits({
      label: store.label,
      live,
      marks,
      known: this.#known,
      sync: () => syncs.join(),
      abandon: () => options.onAbandon(this),
    });
  }

  get label(): string {
    return this.#options.store.label;
  }

  get place(): StorePlace {
    return { id: this.#options.store.id, place: placeOf(this.#options.store) };
  }

  get diskSize(): number {
    return this.#options.store.diskSize;
  }

  get writable(): boolean {
    return this.#options.store.writable;
  }

  keepsIn(store: BitmapStore): boolean {
    return store === this.#options.store;
  }

  async list(): Promise<readonly BitmapInfo[]> {
    return this.#options.store.list();
  }

  async load(name: string): Promise<DirtyBitmap> {
    return this.#options.store.load(name);
  }

  holds({ enabled }: { readonly enabled: boolean }): boolean {
    return enabled;
  }

  async acquire(names: readonly string[]): Promise<ReadonlyMap<string, DirtyBitmap>> {
    this.#known.assertSound();
    const isFirst = !this.#isSynced && this.writable;
    this.#isSynced = true;
    if (names.length > 0) return this.#options.store.acquire(names, { live: true, later: true });
    // What a process that died changed last may be in the cache only, and a power cut would bring
    // back a bitmap that records nothing of what is written from here on.
    if (isFirst) await this.#options.live.sync();
    return new Map();
  }

  /** From this tick on a write waits until it is marked in these bitmaps too. */
  begin(recording: readonly DriveBitmap[]): void {
    for (const { name, content } of recording) {
      if (content !== undefined) this.#bits.begin(name, content);
    }
  }

  async restructure(change: StoreChange): Promise<void> {
    const { store } = this.#options;
    const step = await this.#stage(change, async (changes) => ({
      commit: () => store.commit(changes),
      abort: async () => {},
    }));
    await step.commit();
  }

  async prepare(change: StoreChange): Promise<PreparedCommit> {
    return this.#stage(change, (changes) => this.#options.store.prepare(changes));
  }

  async #stage(
    change: StoreChange,
    ready: (changes: readonly BitmapChange[]) => Promise<PreparedCommit>,
  ): Promise<PreparedCommit> {
    const { created = [], changed = [], removed = [], isUndo = false } = change;
    if (created.length + changed.length + removed.length === 0) return NOTHING;
    this.#known.assertSound();
    const replaced = this.#bits.beginAnew([...created, ...changed]);
    const noting = async <T>(work: () => Promise<T>): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        this.#bits.goOnWith(replaced);
        throw error;
      }
    };
    const step = await noting(async () => {
      // A bitmap that is clean on disk vouches for data that has to be on disk as well. One that
      // is put back says what it said before, and must be put back where nothing can be flushed.
      if (created.length + changed.length > 0 && !isUndo) await this.#options.flushDrive();
      return ready(changesOf(change, (content, kept) => this.#bits.storedOf(content, kept)));
    });
    return {
      commit: async () => {
        await noting(() => this.#commit(step, { isUndo }));
        this.#bits.giveUp(replaced);
      },
      abort: async () => {
        this.#bits.goOnWith(replaced);
        await step.abort();
      },
    };
  }

  end(recording: readonly DriveBitmap[]): void {
    this.#bits.allStored();
    // Either directory may be read next, so a write has to be marked in both: it will be refused.
    if (this.#known.isUncertain) return;
    this.#bits.keepOnly(new Set(recording.map(({ content }) => content)));
  }

  async release(bitmaps: readonly DriveBitmap[]): Promise<void> {
    const changes = bitmaps.map(({ name }): BitmapChange => ({ op: 'release', name }));
    if (changes.length === 0) return;
    this.#known.assertSound();
    await this.#options.store.commit(changes);
  }

  /**
   * They become what nobody trusts, in use. Where a store cannot even do that and has a lease, the
   * lease runs out: whoever comes next finds the drive changed after it, and trusts none of them.
   */
  async abandon(bitmaps: readonly DriveBitmap[]): Promise<void> {
    const { store, live } = this.#options;
    try {
      this.#known.assertSound();
      await store.commit(bitmaps.flatMap(asLost));
    } catch (error) {
      if (live.lease === undefined) throw error;
      await live.lease.lapse();
      this.#known.lost(error);
    }
    this.#bits.keepOnly(new Set());
  }

  get resizable(): boolean {
    return this.#options.store.resizable;
  }

  /**
   * Stored is what is durable now, and not only the truth: whichever of the old and the new bitmaps
   * is found after a failure, writes that need no mark are in it.
   */
  async resize(diskSize: number, { recording, isUndo = false }: ResizeDurably): Promise<void> {
    this.#known.assertSound();
    const live = new Map<string, DirtyBitmap>();
    for (const { name, content } of recording) {
      const tracked = this.#bits.get(content);
      if (tracked === undefined) continue;
      const stored = tracked.bitmap.needed;
      stored.resize(diskSize, { grown: 'dirty' });
      live.set(name, stored);
    }
    try {
      await this.#options.store.resize(diskSize, { live, isUndo });
    } catch (error) {
      // On disk are bitmaps of another size than the drive's, where marks would go astray.
      if (isUndo) this.#known.lost(error);
      throw error;
    }
  }

  async confirmSize(): Promise<void> {
    await this.#options.store.confirmSize();
  }

  resized(bits: ReadonlyMap<DirtyBitmap, DirtyBitmap>): void {
    for (const [old, content] of bits) this.#bits.replace(old, content);
  }

  async close(): Promise<void> {
    return this.#options.store.close();
  }

  async #commit(step: PreparedCommit, { isUndo }: { readonly isUndo: boolean }): Promise<void> {
    try {
      await step.commit();
    } catch (error) {
      this.#known.commitFailed(error, { isUndo });
      throw error;
    }
  }
}
