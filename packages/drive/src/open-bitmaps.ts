import { realpath, unlink } from 'node:fs/promises';
import { type BlockDevice, openFileDevice } from '@tidemark/block';
import { CheckpointFolder, openCheckpointed } from '@tidemark/checkpoint';
import { type BitmapStore, isTidemarkError, TidemarkError } from '@tidemark/core';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { openSidecarStore, readDataFile } from '@tidemark/store-sidecar';
import { createSidecarFile } from './create-sidecar-file.ts';
import { findDefaultSidecar } from './default-sidecar.ts';
import { fileIdentity } from './file-identity.ts';
import type { Drive } from './open-drive.ts';
import { namesDrive } from './sidecar/data-file-path.ts';

/** How `openDriveBitmaps` finds and opens the bitmaps of a drive. */
export interface OpenBitmapsOptions {
  /** Another sidecar than the default one. Refused for qcow2 drives: they keep their own bitmaps. */
  readonly sidecar?: string;
  /** Makes the sidecar when it is missing. Default false. */
  readonly create?: boolean;
  readonly lock?: boolean | 'look';
  /**
   * Folder of checkpoints over several drives. What a crash has cut off of one is finished if the
   * bitmaps can be changed, and until it is on all of its drives their bitmaps tell no checkpoint.
   */
  readonly checkpoints?: string;
  readonly onNotice?: (message: string) => void;
}

/** The store of a drive's persistent bitmaps, and what to undo if it turns out to be of no use. */
export interface DriveBitmaps {
  /** Absent: a raw drive without a sidecar. */
  readonly store: BitmapStore | undefined;
  /** Path of the sidecar; absent for qcow2 drives, and for a server's without one. */
  readonly sidecarPath: string | undefined;
  /** Takes the sidecar away again if this call made it and it still holds nothing. Closes the store. */
  undo(): Promise<void>;
}

/**
 * Opens the store that goes with a drive: its own image, or the sidecar of a raw drive.
 * @throws SIDECAR_MISMATCH, IMAGE_UNRECOGNIZED, LOCKED, USAGE (a sidecar that cannot be one), and
 *   as `openDrive`
 */
export async function openDriveBitmaps(
  drive: Drive,
  options: OpenBitmapsOptions = {},
): Promise<DriveBitmaps> {
  const bitmaps = await openOwnBitmaps(drive, options);
  const { store, sidecarPath = drive.path } = bitmaps;
  if (options.checkpoints === undefined || store === undefined) return bitmaps;
  try {
    const folder = new CheckpointFolder(options.checkpoints);
    const place = await realpath(sidecarPath);
    const { onNotice } = options;
    const about = { folder, place, ...(onNotice && { onNotice }) };
    return { ...bitmaps, store: await openCheckpointed(store, about) };
  } catch (error) {
    await bitmaps.undo();
    throw error;
  }
}

async function openOwnBitmaps(drive: Drive, options: OpenBitmapsOptions): Promise<DriveBitmaps> {
  const { sidecar, onNotice } = options;
  if (drive.image !== undefined) {
    if (sidecar !== undefined) throw sidecarOnImage(drive, sidecar);
    const writable = drive.access !== 'read';
    const isShared = options.lock === false;
    const notices = onNotice && { onNotice };
    const store = await openQcow2Store(drive.image, { writable, isShared, ...notices });
    return { store, sidecarPath: undefined, undo: () => store.close() };
  }
  if (drive.isRemote && sidecar === undefined) {
    return { store: undefined, sidecarPath: undefined, undo: async () => {} };
  }
  const sidecarPath = sidecar ?? (await findDefaultSidecar(drive.path));
  if (!drive.isRemote) await refuseDriveAsSidecar(drive, sidecarPath);
  const made = options.create === true && (await makeMissingSidecar(drive, sidecarPath));
  if (!made && (await fileIdentity(sidecarPath)) === undefined) {
    return { store: undefined, sidecarPath, undo: async () => {} };
  }
  const store = await openSidecarFile(drive, sidecarPath, options);
  const undo = async () => {
    const unused = made && (await store.list().catch(() => undefined))?.length === 0;
    // Before the store gives its lock up: nobody else can have put a bitmap into it yet.
    if (unused) await unlink(sidecarPath);
    await store.close();
  };
  return { store, sidecarPath, undo };
}

/** Whether it was this call that made it: another program may be quicker. */
async function makeMissingSidecar(drive: Drive, path: string): Promise<boolean> {
  if ((await fileIdentity(path)) !== undefined) return false;
  try {
    await createSidecarFile(path, drive.device.size);
    return true;
  } catch (error) {
    if (isTidemarkError(error, 'FILE_EXISTS')) return false;
    throw error;
  }
}

async function openSidecarFile(
  drive: Drive,
  path: string,
  { lock = true, onNotice }: OpenBitmapsOptions,
): Promise<BitmapStore> {
  const writable = drive.access !== 'read';
  const notices = onNotice && { onNotice };
  const before = await fileIdentity(path);
  const sidecar = await openFileDevice(path, { writable, lock, ...notices });
  try {
    // Who made it may have taken it away before we had the lock: what is put there would be lost.
    if ((await fileIdentity(path)) !== before) throw replaced(path);
    await refuseOtherDataFile(drive, path, sidecar);
    return await openSidecarStore({
      drive: drive.file,
      writesDrive: drive.access === 'write',
      isShared: !lock,
      sidecar,
      sidecarPath: path,
      isReplaced: async () => {
        const now = await fileIdentity(path);
        return now !== undefined && now !== before;
      },
      writable,
      ...notices,
    });
  } catch (error) {
    await sidecar.close();
    throw error;
  }
}

/** QEMU would run on another drive than the one whose bitmaps the sidecar keeps. */
async function refuseOtherDataFile(drive: Drive, path: string, file: BlockDevice): Promise<void> {
  const dataFile = await readDataFile(file);
  if (dataFile === undefined || (await namesDrive(dataFile, path, drive.path))) return;
  const { name = 'nothing' } = dataFile;
  throw new TidemarkError(
    'SIDECAR_MISMATCH',
    `sidecar '${path}' is for QEMU to run on '${name}', which is not '${drive.path}'`,
    { where: path, hint: `tidemark sidecar adopt ${drive.path} makes it this drive's` },
  );
}

function replaced(path: string): TidemarkError {
  return new TidemarkError(
    'LOCKED',
    `sidecar '${path}' is being made or removed by another program`,
    {
      where: path,
      hint: 'run the command again',
    },
  );
}

async function refuseDriveAsSidecar(drive: Drive, sidecar: string): Promise<void> {
  const [a, b] = await Promise.all([fileIdentity(drive.path), fileIdentity(sidecar)]);
  if (a === undefined || a !== b) return;
  throw new TidemarkError('USAGE', `'${sidecar}' is the drive itself, not a sidecar for it`, {
    where: drive.path,
    hint: 'name another file, or leave the name out to use the default beside the drive',
  });
}

function sidecarOnImage(drive: Drive, sidecar: string): TidemarkError {
  return new TidemarkError(
    'USAGE',
    `a qcow2 drive keeps its bitmaps itself and takes no sidecar '${sidecar}'`,
    {
      where: drive.path,
      hint: 'leave the sidecar out',
    },
  );
}
