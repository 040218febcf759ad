import { type BitmapStore, createBitmapStore, TidemarkError } from '@tidemark/core';
import { BitmapDirectory, type Qcow2Image } from '@tidemark/qcow2';

/** qcow2.rst, "Header": `size` is counted in these by QEMU. */
const SECTOR_SIZE = 512;

export interface OpenQcow2StoreOptions {
  /** Default: whether the image is. */
  readonly writable?: boolean;
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
  const { writable = image.writable, onNotice } = options;
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
  return createBitmapStore({
    label: image.label,
    get diskSize() {
      return image.size;
    },
    writable,
    // Whoever writes the disk next has to read the image, and finds valid bitmaps in it.
    live: {
      inUse: false,
      openBits: (name) => directory.openLive(name),
      sync: () => image.metadata.sync(),
    },
    readDirectory: async () => directory.records,
    readContent: ({ name }) => directory.readContent(name),
    // The image holds the disk: both change in one step.
    resizing: { check: (diskSize) => assertDiskSize(image, diskSize) },
    replaceDirectory: (entries, contents, options) => directory.replace(entries, contents, options),
    prepareDirectory: (entries, contents) => directory.prepare(entries, contents),
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
