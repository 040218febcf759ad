import type { Control, NewDirectory } from '../control/control.ts';
import type { StoredMerge } from '@tidemark/core';
import type { ImageMetadata } from '../image-metadata.ts';

/** Which image the bitmaps are in. */
export interface BitmapDirectoryOptions {
  readonly image: ImageMetadata;
  /** Bytes of the disk that the bitmaps describe. Default: the image's virtual size. */
  readonly diskSize?: number;
  /** Told of clusters that could not be given back: they are lost until the image is checked. */
  readonly onNotice?: (message: string) => void;
}

export interface ReplaceOptions {
  /** The control extension that goes with the new directory. Default: see `CommitOptions`. */
  readonly control?: ((directory: NewDirectory) => Control) | undefined;
  /**
   * Bytes of the disk from then on, in the same step; the image's virtual size is that, rounded up
   * to 512. All bitmaps need content of that size. Default: as before.
   */
  readonly diskSize?: number | undefined;
  /** Bits that are put together from what lies in the image, of bitmaps in no `contents`. */
  readonly merges?: ReadonlyMap<string, StoredMerge> | undefined;
}
