import type { BitmapChange, BitmapInfo, BitmapStore, DirtyBitmap } from '@tidemark/core';
import type { DriveBitmap } from './drive-bitmap.ts';
import type { MadeBitmap } from './restructuring.ts';

/**
 * Keeps the bitmaps of one store safe while their drive is written. This is QEMU's way: the in-use
 * flag is durable before the first write may be served, the bits go to disk at a clean close, and
 * whoever finds the flag set knows that the bits are worth nothing.
 *
 * All that a drive asks of its stores goes through here. Bitmaps that stay valid on disk while they
 * record need another class with these methods, and the wait in `TrackedDevice` that its comment
 * names.
 */
export class InUseDurability {
  readonly #store: BitmapStore;
  readonly persistent: boolean;

  constructor(store: BitmapStore, options: { readonly persistent: boolean }) {
    this.#store = store;
    this.persistent = options.persistent;
  }

  get label(): string {
    return this.#store.label;
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

  /** Flags bitmaps as in use. Only after this resolves may a write rely on them. */
  async acquire(names: readonly string[]): Promise<ReadonlyMap<string, DirtyBitmap>> {
    return names.length === 0 ? new Map() : this.#store.acquire(names);
  }

  /** Makes and removes bitmaps, all or none. What is made as acquired is in use from the start. */
  async restructure(created: readonly MadeBitmap[], removed: readonly string[]): Promise<void> {
    const changes: BitmapChange[] = created.map(({ bitmap, content }) => {
      const { name, enabled, acquired: acquire } = bitmap;
      return { op: 'create', name, enabled, content, acquire };
    });
    for (const name of removed) changes.push({ op: 'remove', name });
    if (changes.length > 0) await this.#store.commit(changes);
  }

  /** Writes the bits of acquired bitmaps and takes their flags away, all at once. */
  async release(bitmaps: readonly DriveBitmap[]): Promise<void> {
    const changes: BitmapChange[] = [];
    for (const { name, enabled, content } of bitmaps) {
      if (content !== undefined) changes.push({ op: 'store', name, enabled, content });
    }
    if (changes.length > 0) await this.#store.commit(changes);
  }

  async close(): Promise<void> {
    return this.#store.close();
  }
}
