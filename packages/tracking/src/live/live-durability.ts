import { placeOf, type StorePlace } from '@tidemark/checkpoint';
import {
  type BitmapChange,
  type BitmapInfo,
  type BitmapStore,
  DirtyBitmap,
  isUnchanged,
  type LiveBitmaps,
  type PreparedCommit,
} from '@tidemark/core';
import type { DriveBitmap } from '../drive-bitmap.ts';
import type { Durability, ResizeDurably, StoreChange } from '../durability.ts';
import { storeFailed } from '../messages.ts';
import type { MadeBitmap } from '../restructuring.ts';
import { changesOf } from './changes-of.ts';
import { GroupSync } from './group-sync.ts';
import { LiveBitmap } from './live-bitmap.ts';
import type { LiveMarks } from './live-marks.ts';
import type { LiveTracking } from './live-tracking.ts';

interface NamedTracking extends LiveTracking {
  readonly name: string;
}

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
  readonly #sync: GroupSync;
  /** What is on disk, by the bits in memory that are the truth about it. */
  readonly #tracked = new Map<DirtyBitmap, NamedTracking>();
  /** Of what began and is not stored yet, the bits as they were then: those that will be stored. */
  readonly #begun = new Map<DirtyBitmap, DirtyBitmap>();
  /** What was on disk when this began is durable. */
  #isSynced = false;
  #isUncertain = false;
  /** Of what could not be put back: from then on nothing is marked, so that nothing is written. */
  #failure: { readonly cause: unknown } | undefined;

  constructor(options: LiveDurabilityOptions) {
    this.#options = options;
    this.#sync = new GroupSync(async () => {
      this.#assertSound();
      await options.live.sync();
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
    this.#assertSound();
    const isFirst = !this.#isSynced && this.writable;
    this.#isSynced = true;
    if (names.length > 0) return this.#options.store.acquire(names, { live: true });
    // What a process that died changed last may be in the cache only, and a power cut would bring
    // back a bitmap that records nothing of what is written from here on.
    if (isFirst) await this.#options.live.sync();
    return new Map();
  }

  /** From this tick on a write waits until it is marked in these bitmaps too. */
  begin(recording: readonly DriveBitmap[]): void {
    for (const { name, content } of recording) {
      if (content !== undefined && !this.#tracked.has(content)) this.#begin(name, content);
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
    this.#assertSound();
    const replaced = this.#beginAnew([...created, ...changed]);
    const noting = async <T>(work: () => Promise<T>): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        this.#goOnWith(replaced);
        throw error;
      }
    };
    const step = await noting(async () => {
      // A bitmap that is clean on disk vouches for data that has to be on disk as well. One that
      // is put back says what it said before, and must be put back where nothing can be flushed.
      if (created.length + changed.length > 0 && !isUndo) await this.#options.flushDrive();
      return ready(changesOf(change, (content, kept) => this.#storedOf(content, kept)));
    });
    return {
      commit: async () => {
        await noting(() => this.#commit(step, { isUndo }));
        for (const tracking of replaced.values()) this.#options.marks.detach(tracking);
      },
      abort: async () => {
        this.#goOnWith(replaced);
        await step.abort();
      },
    };
  }

  end(recording: readonly DriveBitmap[]): void {
    this.#begun.clear();
    // Either directory may be read next, so a write has to be marked in both: it will be refused.
    if (this.#isUncertain) return;
    const kept = new Set(recording.map(({ content }) => content));
    for (const content of this.#tracked.keys()) if (!kept.has(content)) this.#untrack(content);
  }

  async release(bitmaps: readonly DriveBitmap[]): Promise<void> {
    const changes = bitmaps.map(({ name }): BitmapChange => ({ op: 'release', name }));
    if (changes.length === 0) return;
    this.#assertSound();
    await this.#options.store.commit(changes);
  }

  /**
   * They become what nobody trusts, in use. Where a store cannot even do that and has a lease, the
   * lease runs out: whoever comes next finds the drive changed after it, and trusts none of them.
   */
  async abandon(bitmaps: readonly DriveBitmap[]): Promise<void> {
    const { store, live } = this.#options;
    try {
      this.#assertSound();
      await store.commit(bitmaps.flatMap(asLost));
    } catch (error) {
      if (live.lease === undefined) throw error;
      await live.lease.lapse();
      this.#failure = { cause: error };
    }
    for (const content of this.#tracked.keys()) this.#untrack(content);
  }

  get resizable(): boolean {
    return this.#options.store.resizable;
  }

  /**
   * Stored is what is durable now, and not only the truth: whichever of the old and the new bitmaps
   * is found after a failure, writes that need no mark are in it.
   */
  async resize(diskSize: number, { recording, isUndo = false }: ResizeDurably): Promise<void> {
    this.#assertSound();
    const live = new Map<string, DirtyBitmap>();
    for (const { name, content } of recording) {
      const tracked = content && this.#tracked.get(content);
      if (tracked === undefined) continue;
      const stored = tracked.bitmap.needed;
      stored.resize(diskSize, { grown: 'dirty' });
      live.set(name, stored);
    }
    try {
      await this.#options.store.resize(diskSize, { live, isUndo });
    } catch (error) {
      // On disk are bitmaps of another size than the drive's, where marks would go astray.
      if (isUndo) this.#failure = { cause: error };
      throw error;
    }
  }

  async confirmSize(): Promise<void> {
    await this.#options.store.confirmSize();
  }

  resized(bits: ReadonlyMap<DirtyBitmap, DirtyBitmap>): void {
    for (const [old, content] of bits) {
      const tracked = this.#tracked.get(old);
      if (tracked === undefined) continue;
      const stored = tracked.bitmap.needed;
      stored.resize(content.diskSize, { grown: 'dirty' });
      this.#untrack(old);
      this.#track(tracked.name, content, stored);
    }
  }

  async close(): Promise<void> {
    return this.#options.store.close();
  }

  async #commit(step: PreparedCommit, { isUndo }: { readonly isUndo: boolean }): Promise<void> {
    try {
      await step.commit();
    } catch (error) {
      if (!isUnchanged(error) || isUndo) this.#isUncertain = true;
      // On disk is what should not be there, and marks for what should be would go there too.
      if (isUndo) this.#failure = { cause: error };
      throw error;
    }
  }

  /**
   * Bits that record already get other clusters. Until these are in place, a write has to be marked
   * in the old ones as well: the bits of one that waits for its mark are among those to be stored.
   */
  #beginAnew(made: readonly MadeBitmap[]): ReadonlyMap<DirtyBitmap, NamedTracking> {
    const replaced = new Map<DirtyBitmap, NamedTracking>();
    for (const { bitmap, content } of made) {
      const tracking = this.#tracked.get(content);
      if (tracking === undefined || this.#begun.has(content)) continue;
      replaced.set(content, tracking);
      this.#begin(bitmap.name, content);
    }
    return replaced;
  }

  /** The old clusters stay, for all that is known: only what is marked in them counts. */
  #goOnWith(replaced: ReadonlyMap<DirtyBitmap, NamedTracking>): void {
    for (const [content, tracking] of replaced) {
      // The new ones may be there as well, and then a write has to be marked in both.
      if (!this.#isUncertain) this.#untrack(content);
      this.#begun.delete(content);
      this.#tracked.set(content, tracking);
    }
  }

  /** While writes go on: the bits as they were in the tick in which they began to record. */
  #storedOf(content: DirtyBitmap, kept?: DirtyBitmap): DirtyBitmap {
    const stored = this.#begun.get(content) ?? content;
    if (kept === undefined || kept === content) return stored;
    const both = stored.clone();
    both.merge(kept);
    return both;
  }

  #begin(name: string, content: DirtyBitmap): void {
    const stored = content.clone();
    this.#begun.set(content, stored);
    this.#track(name, content, stored.clone());
  }

  #track(name: string, content: DirtyBitmap, stored: DirtyBitmap): void {
    const { live, marks } = this.#options;
    const bits = {
      write: async (bytes: Uint8Array, at: number) => {
        this.#assertSound();
        try {
          await live.bits(name).write(bytes, at);
        } catch (error) {
          // Of what may be on disk, or not, nothing can be marked.
          if (this.#isUncertain && error instanceof RangeError)
            throw storeFailed(this.label, error);
          throw error;
        }
      },
    };
    const bitmap = new LiveBitmap(content, stored, bits);
    const abandon = this.#abandon;
    const tracked = { name, bitmap, sync: this.#join, lease: live.lease, abandon };
    this.#tracked.set(content, tracked);
    marks.attach(tracked);
  }

  #untrack(content: DirtyBitmap): void {
    const tracked = this.#tracked.get(content);
    if (tracked !== undefined) this.#options.marks.detach(tracked);
    this.#tracked.delete(content);
  }

  #assertSound(): void {
    if (this.#failure !== undefined) throw storeFailed(this.label, this.#failure.cause);
  }

  // One function for all bitmaps: by it they are known to share a sync.
  readonly #join = (): Promise<void> => this.#sync.join();
  readonly #abandon = (): Promise<void> => this.#options.onAbandon(this);
}

/** Made anew, so that no bits are there that could be taken for the truth. */
function asLost({ name, enabled, granularity, keeper }: DriveBitmap): readonly BitmapChange[] {
  const content = new DirtyBitmap(keeper.diskSize, granularity);
  return [
    { op: 'remove', name },
    { op: 'create', name, enabled, content, acquire: true },
  ];
}
