import { type BlockDevice, openFileDevice } from '@tidemark/block';
import { openQcow2, probeFormat, type Qcow2Image } from '@tidemark/qcow2';
import { openBackingChain } from './backing-chain.ts';

export type DriveFormat = 'raw' | 'qcow2';

export interface OpenDriveOptions {
  /** Omitted: found by the file's first bytes. A guest can write those: name the format of raw drives. */
  readonly format?: DriveFormat;
  readonly writable?: boolean;
  /** Takes the locks that QEMU respects. Default true. */
  readonly lock?: boolean;
  /** Hears what a user should know and need not act on. */
  readonly onNotice?: (message: string) => void;
}

/** A drive's content, and where it is kept. */
export interface Drive {
  readonly path: string;
  readonly format: DriveFormat;
  /** The disk as a guest sees it. Closing it closes the file and the backing chain. */
  readonly device: BlockDevice;
  /** The file or block device under it. */
  readonly file: BlockDevice;
  /** Present for qcow2. */
  readonly image?: Qcow2Image;
}

/**
 * Opens the disk at `path` for reading, or for writing where asked.
 * @throws FILE_NOT_FOUND, PERMISSION_DENIED, LOCKED, IMAGE_UNRECOGNIZED, IMAGE_CORRUPT,
 *   IMAGE_UNSUPPORTED, IO_FAILED: nothing was changed
 */
export async function openDrive(path: string, options: OpenDriveOptions = {}): Promise<Drive> {
  const { writable = false, lock = true, onNotice } = options;
  const file = await openFileDevice(path, { writable, lock, ...(onNotice && { onNotice }) });
  try {
    const format = options.format ?? (await probeFormat(file));
    if (format === 'raw') return { path, format, device: file, file };
    const image = await openQcow2(file, {
      writable,
      openBacking: (name, backingFormat) =>
        openBackingChain({ name, format: backingFormat, overlay: path, ...(onNotice && { onNotice }) }),
    });
    return { path, format, device: image, file, image };
  } catch (error) {
    await file.close();
    throw error;
  }
}
