import { type BitmapStore, type DirtyBitmap, TidemarkError } from '@tidemark/core';

/**
 * The enabled bitmaps of a disk that is written: in use on disk, durably, before the first write,
 * and with all marks at the end. What ends between leaves them inconsistent.
 */
export class Recording {
  readonly #store: BitmapStore;
  readonly #bitmaps: ReadonlyMap<string, DirtyBitmap>;

  private constructor(store: BitmapStore, bitmaps: ReadonlyMap<string, DirtyBitmap>) {
    this.#store = store;
    this.#bitmaps = bitmaps;
  }

  /**
   * Closes the store, in the end or when this fails.
   * @throws BITMAP_UNSUPPORTED: one that is enabled cannot record; nothing was changed
   */
  static async begin(store: BitmapStore): Promise<Recording> {
    try {
      const enabled = (await store.list()).filter((info) => info.enabled);
      const unable = enabled.find(({ state }) => state === 'unsupported');
      if (unable !== undefined) {
        const problem = `bitmap '${unable.name}' is enabled and cannot record what is written`;
        throw new TidemarkError('BITMAP_UNSUPPORTED', problem, { where: store.label });
      }
      const names = enabled.filter(({ state }) => state === 'stored').map(({ name }) => name);
      return new Recording(store, names.length === 0 ? new Map() : await store.acquire(names));
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Before a write of the range begins. Bytes of the disk. */
  mark(offset: number, length: number): void {
    for (const bitmap of this.#bitmaps.values()) bitmap.set(offset, length);
  }

  /** When no write is under way any more: also after one that failed. */
  async end(): Promise<void> {
    try {
      const changes = [...this.#bitmaps].map(
        ([name, content]) => ({ op: 'store', name, content }) as const,
      );
      if (changes.length > 0) await this.#store.commit(changes);
    } finally {
      await this.#store.close();
    }
  }
}
