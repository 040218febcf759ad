import { type BlockDevice, type KnownByFacts, openFileDevice } from '@tidemark/block';
import type { Qcow2Image } from '@tidemark/qcow2';
import { openImage } from './open-image.ts';
import { isNbdUri, openNbdDrive } from './open-nbd-drive.ts';
import { probeDrive } from './probe.ts';

/** The formats of drives that bitmaps can be kept of. */
export type DriveFormat = 'raw' | 'qcow2';

/**
 * - `read`: nothing is changed.
 * - `bitmaps`: the bitmaps that go with the drive will be changed, its content will not.
 * - `write`: its content too.
 */
export type DriveAccess = 'read' | 'bitmaps' | 'write';

/** How `openDrive` opens a drive. */
export interface OpenDriveOptions {
  /** Omitted: found by the file's first bytes. A guest can write those: name the format of raw drives. */
  readonly format?: DriveFormat;
  /** Default `read`. */
  readonly access?: DriveAccess;
  /**
   * Goes without the backing file, for work on bitmaps alone: reading what is in it fails. To be
   * read, an image may be encrypted then, of which only metadata can be. Default false.
   */
  readonly skipBacking?: boolean;
  /** Takes the locks that QEMU respects; see `FileDeviceOptions`. Default true. */
  readonly lock?: boolean | 'look';
  /** See `FileDeviceOptions`: for a program that has nothing else to do. Default false. */
  readonly waits?: boolean;
  /** Hears what a user should know and need not act on. */
  readonly onNotice?: (message: string) => void;
}

/** A drive's content, and where it is kept. */
export interface Drive {
  readonly path: string;
  readonly format: DriveFormat;
  /** It is raw by its first bytes alone, which a guest can write: see `ProbedRawDevice`. Default false. */
  readonly isProbedRaw?: boolean;
  readonly access: DriveAccess;
  /** The disk as a guest sees it. Closing it closes the file and the backing chain. */
  readonly device: BlockDevice;
  /** What is under it: a file, a block device, or an export of an NBD server. */
  readonly file: BlockDevice & Partial<KnownByFacts>;
  /** Whether `path` is the address of a server. Nothing can be learned of such a drive. */
  readonly isRemote: boolean;
  /** Bytes: writes have to be made of whole ones. 1 unless a server says otherwise. */
  readonly smallestBlock: number;
  /** Present for qcow2. */
  readonly image?: Qcow2Image;
}

/**
 * Opens the disk at `path`, which may be an NBD URI (see `connectNbd`): a raw drive then.
 * @throws FILE_NOT_FOUND, PERMISSION_DENIED, LOCKED, IMAGE_UNRECOGNIZED, IMAGE_CORRUPT,
 *   IMAGE_UNSUPPORTED, IO_FAILED: nothing was changed
 */
export async function openDrive(path: string, options: OpenDriveOptions = {}): Promise<Drive> {
  if (isNbdUri(path)) return openNbdDrive(path, options);
  const { access = 'read', lock = true, skipBacking = false, waits = false, onNotice } = options;
  const notices = onNotice && { onNotice };
  const format = options.format ?? (await probePath(path));
  // A qcow2 image holds its bitmaps itself; those of a raw drive lie in another file.
  const writable = access === 'write' || (access === 'bitmaps' && format === 'qcow2');
  const file = await openFileDevice(path, { writable, lock, waits, ...notices });
  try {
    const local = { path, format, access, file, isRemote: false, smallestBlock: 1 };
    const isProbedRaw = options.format === undefined;
    if (format === 'raw') return { ...local, isProbedRaw, device: file };
    const image = await openImage(file, { path, writable, lock, skipBacking, ...notices });
    return { ...local, device: image, image };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** What a file's first bytes say it is; read without a lock, so that a locked drive says so itself. */
async function probePath(path: string): Promise<DriveFormat> {
  const file = await openFileDevice(path, { lock: false });
  try {
    return await probeDrive(file, path);
  } finally {
    await file.close();
  }
}
