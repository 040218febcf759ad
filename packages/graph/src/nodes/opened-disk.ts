import type { BlockDevice, KnownByFacts } from '@tidemark/block';
import type { Qcow2Image } from '@tidemark/qcow2';

/** What a driver has opened: a disk, and nothing that records what is written to it. */
export interface OpenedDisk {
  /** Closing it closes all that was opened for it alone. */
  readonly device: BlockDevice;
  /** As the user named it. */
  readonly filename: string;
  /** What bitmaps are bound to: the file whose bytes the disk is, or the image is in. */
  readonly file: BlockDevice & Partial<KnownByFacts>;
  /** Whether `filename` is a path of this system, and nobody else's view of `file` has another size. */
  readonly isLocal: boolean;
  /** Present for qcow2. */
  readonly image?: Qcow2Image;
  /** Bytes: writes have to be made of whole ones. */
  readonly smallestBlock: number;
  readonly writable: boolean;
}
