import { placeOf, type StorePlace } from '@tidemark/checkpoint';
import {
  type BitmapChange,
  type BitmapInfo,
  type BitmapStore,
  DirtyBitmap,
  type PreparedCommit,
} from '@tidemark/core';
import { checkpointOf, type DriveBitmap, storedCheckpointOf } from './drive-bitmap.ts';
import type { Durability, ResizeDurably, StoreChange } from './durability.ts';

/**
 * QEMU's way: the in-use flag is durable before the first write may be served, the bits go to disk
 * at a clean close, and whoever finds the flag set knows that the bits are worth nothing.
 */
export class InUseDurability implements Durability {
  readonly #store: BitmapStore;
  readonly persistent: boolean;
  readonly storesAtOnce = false;

  constructor(store: BitmapStore, options: { readonly persistent: boolean }) {
    this.#store = store;
    this.persistent = options.persistent;
  }

  get label(): string {
    return this.#store.label;
  }

  get place(): StorePlace {
    return { id: this.#store.id, place: placeOf(this.#store) };
  }

  get diskSize(): number {
    return this.#store.diskSize;
  }

  get writable(): boolean {
    return this.#store.writable;
  }

  keepsIn(store: BitmapStore): boolean {
    return store === this.#store;
  }

  async list(): Promise<readonly BitmapInfo[]> {
    return this.#store.list();
  }

  async load(name: string): Promise<DirtyBitmap> {
    return this.#store.load(name);
  }

  holds(_bitmap: { readonly enabled: boolean }, taken: boolean): boolean {
    return taken;
  }

  /** Flags bitmaps as in use. */
  async acquire(names: readonly string[]): Promise<ReadonlyMap<string, DirtyBitmap>> {
    return names.length === 0 ? new Map() : this.#store.acquire(names);
  }

  begin(): void {}

  /**
   * What is made as acquired is in use from the start. What is changed is in use already: its bits
   * and flags are stored at the end.
   */
  async restructure(change: StoreChange): Promise<void> {
    const changes = this.#changesOf(change);
    if (changes.length > 0) await this.#store.commit(changes);
  }

  async prepare(change: StoreChange): Promise<PreparedCommit> {
    return this.#store.prepare(this.#changesOf(change));
  }

  end(): void {}

  /** Writes the bits of acquired bitmaps and takes their flags away, all at once. */
  async release(bitmaps: readonly DriveBitmap[]): Promise<void> {
    const changes: BitmapChange[] = [];
    for (const bitmap of bitmaps) {
      const { name, enabled, content } = bitmap;
      if (content === undefined) continue;
      changes.push({ op: 'store', name, enabled, content, ...storedCheckpointOf(bitmap) });
    }
    if (changes.length > 0) await this.#store.commit(changes);
  }

  /** Nobody trusts them while they are in use. */
  async abandon(): Promise<void> {}

  get resizable(): boolean {
    return this.#store.resizable;
  }

  /** What is in use stays so: its bits are stored at the end, in the size that they have then. */
  async resize(diskSize: number, { isUndo = false }: ResizeDurably): Promise<void> {
    await this.#store.resize(diskSize, { isUndo });
  }

  async confirmSize(): Promise<void> {
    await this.#store.confirmSize();
  }

  resized(): void {}

  async close(): Promise<void> {
    return this.#store.close();
  }

  #changesOf({ created = [], removed = [] }: StoreChange): readonly BitmapChange[] {
    // First: what is made may take the name of what goes.
    const changes: BitmapChange[] = removed.map((name) => ({ op: 'remove', name }));
    for (const { bitmap, content, isLost = false } of created) {
      const { name, enabled, granularity } = bitmap;
      const acquire = bitmap.acquired || isLost;
      // The bits of a bitmap in use are worth nothing on disk: write none.
      const stored = acquire ? new DirtyBitmap(this.diskSize, granularity) : content;
      const made = { op: 'create', name, enabled, content: stored, acquire } as const;
      changes.push({ ...made, ...checkpointOf(bitmap) });
    }
    return changes;
  }
}
