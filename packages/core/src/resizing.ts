import type { DirtyBitmap } from './dirty-bitmap.ts';

/** What `BitmapStore.resize` is told of bitmaps in use, and of a resize that is taken back. */
export interface ResizeStoreOptions {
  /** The truth of every live bitmap, in the new size. They stay live: ask for their bits again. */
  readonly live?: ReadonlyMap<string, DirtyBitmap>;
  /**
   * Checkpoints stay although the disk gets smaller: what is cut off was never there, because the
   * disk itself could not grow. Default false.
   */
  readonly isUndo?: boolean;
}

/**
 * What a backend does in addition, if its disk can get another size. Its `replaceDirectory` takes
 * one, and its `diskSize` is the new one as soon as that resolves.
 */
export interface ResizingBackend {
  /** @throws BITMAP_INVALID: a size that its disk cannot have */
  check?(diskSize: number): void;
  /** The disk has the size, durably, that the directory was made for. Default: nothing. */
  confirm?(): Promise<void>;
}
