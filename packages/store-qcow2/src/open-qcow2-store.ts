import {
  type BitmapStore,
  createBitmapStore,
  isUnchanged,
  type LiveBackend,
  TidemarkError,
  unchanging,
} from '@tidemark/core';
import { BitmapDirectory, type Qcow2Image } from '@tidemark/qcow2';
import { ImageControl } from './image-control.ts';
import { readUnlocked } from './read-unlocked.ts';

/** qcow2.rst, "Header": `size` is counted in these by QEMU. */
const SECTOR_SIZE = 512;

/** Of `openQcow2Store`. */
export interface OpenQcow2StoreOptions {
  /** Default: whether the image is. */
  readonly writable?: boolean;
  /**
   * There is no lock, so that another program may be changing the image: what is read of it is
   * checked to be of one state. Default false.
   */
  readonly isShared?: boolean;
  /** Told of bitmaps that were lost, and of space in the image that could not be given back. */
  readonly onNotice?: (message: string) => void;
}

/**
 * Opens the bitmaps inside an open image. The image stays its owner's: closing the store does not
 * close it, and it has to be closed after the store. At most one writable store to an image: a
 * second one notices the first one's changes, and fails.
 * @throws IMAGE_CORRUPT; DEVICE_READ_ONLY: a writable store of an image opened for reading
 */
export async function openQcow2Store(
  image: Qcow2Image,
  options: OpenQcow2StoreOptions = {},
): Promise<BitmapStore> {
  const { writable = image.writable, isShared = false, onNotice } = options;
  if (writable && !image.writable) {
    throw new TidemarkError('DEVICE_READ_ONLY', 'the image was opened for reading', {
      where: image.label,
      hint: 'open the image for writing, or the store for reading',
    });
  }
  const directory = await BitmapDirectory.open({
    image: image.metadata,
    ...(onNotice && { onNotice }),
  });
  const control = new ImageControl(image.metadata);
  const entries = await control.judge(directory.records, { isShared });
  // Whoever writes the disk next has to read the image, and finds valid bitmaps in it.
  const live: LiveBackend = {
    inUse: false,
    openBits: (name) => directory.openLive(name),
    sync: () => image.metadata.sync(),
  };
  return createBitmapStore({
    label: image.label,
    get diskSize() {
      return image.size;
    },
    get id() {
      return control.id;
    },
    writable,
    ...(control.whyNotLive === undefined ? { live } : { notLive: control.whyNotLive }),
    readDirectory: async () => entries,
    async readContent({ name }, options) {
      if (!isShared) return directory.readContent(name, options);
      return readUnlocked(image, () => directory.readContent(name));
    },
    checkpointLost: (name) => directory.checkpointLost(name),
    canMerge: true,
    async replaceDirectory(next, contents, rest = {}) {
      try {
        await directory.replace(next, contents, {
          control: await control.prepare(next, rest.diskSize),
          ...rest,
        });
      } catch (error) {
        if (!isUnchanged(error) || !control.isLeftBusy(next, directory.records, contents))
          throw error;
        // What lies on disk is valid, and in use to nobody but for what the header says.
        await unchanging(() => image.metadata.sync());
      }
    },
    async prepareDirectory(next, contents, merges = {}) {
      return directory.prepare(next, contents, { control: await control.prepare(next), ...merges });
    },
    // The image holds the disk: both change in one step.
    resizing: { check: (diskSize) => assertDiskSize(image, diskSize) },
    // Nothing to do: what was committed is durable, and the image is its owner's to close.
    close: async () => {},
  });
}

function assertDiskSize(image: Qcow2Image, diskSize: number): void {
  if (diskSize % SECTOR_SIZE === 0) return image.metadata.checkSize(diskSize);
  const text = `a qcow2 image has whole sectors of ${SECTOR_SIZE} bytes, and ${diskSize} are none`;
  const hint = `give a multiple of ${SECTOR_SIZE}`;
  throw new TidemarkError('BITMAP_INVALID', text, { where: image.label, hint });
}
