import type { RandomAccessDisk } from '@xen-orchestra/disk-transform';
import type { BlockDevice } from '@tidemark/block';
import type { DirtyBitmap } from '@tidemark/core';

/** What of a drive is read. */
export type DiskDevice = Pick<BlockDevice, 'label' | 'size' | 'read' | 'extents'>;

/** Of a new `TidemarkDisk`. */
export interface TidemarkDiskOptions {
  /**
   * What is read, backing files included. It has to stand still from `init` to `close`: an image that
   * nobody writes, a snapshot, an NBD export of one instant. It belongs to who made it.
   */
  readonly device: DiskDevice;
  /**
   * Bytes, a power of two from 512 to 2 GiB. Default 65536, as Xen Orchestra's qcow2 has; its VHDs have
   * 2 MiB.
   */
  readonly blockSize?: number | undefined;
  /**
   * Makes the disk a differencing one, of the blocks that the bitmap calls dirty. Called once, by `init`,
   * and what it throws `init` throws. The bitmap must hold every write since the instant of `parent`:
   * `changesOf` sees to that for one in a store.
   */
  readonly changes?: (() => DirtyBitmap | Promise<DirtyBitmap>) | undefined;
  /** The disk as it was when `changes` began; not opened yet. Without it the parent cannot be opened. */
  readonly parent?: (() => RandomAccessDisk) | undefined;
  /** Called once when the disk is closed: the place to close the device, or to let go of a freeze. */
  readonly onClose?: (() => Promise<void> | void) | undefined;
}
