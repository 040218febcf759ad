import { stat, unlink } from 'node:fs/promises';
import { openFileDevice } from '@tidemark/block';
import type { BitmapStore } from '@tidemark/core';
import { TidemarkError } from '@tidemark/core';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { defaultSidecarPath, openSidecarStore } from '@tidemark/store-sidecar';
import { createSidecarFile } from './create-sidecar-file.ts';
import type { Drive } from './open-drive.ts';

export interface OpenBitmapsOptions {
  /** Another sidecar than the default one. Refused for qcow2 drives: they keep their own bitmaps. */
  readonly sidecar?: string;
  /** Makes the sidecar when it is missing. Default false. */
  readonly create?: boolean;
  readonly lock?: boolean;
  readonly onNotice?: (message: string) => void;
}

/** The store of a drive's persistent bitmaps, and what to undo if it turns out to be of no use. */
export interface DriveBitmaps {
  /** Absent: a raw drive without a sidecar. */
  readonly store: BitmapStore | undefined;
  /** Path of the sidecar; absent for qcow2 drives. */
  readonly sidecarPath: string | undefined;
  /** Takes the sidecar away again if this call made it and it still holds nothing. Closes the store. */
  undo(): Promise<void>;
}

/**
 * Opens the store that goes with a drive: its own image, or the sidecar of a raw drive.
 * @throws SIDECAR_MISMATCH, IMAGE_UNRECOGNIZED, USAGE (a sidecar that cannot be one), and as `openDrive`
 */
export async function openDriveBitmaps(
  drive: Drive,
  options: OpenBitmapsOptions = {},
): Promise<DriveBitmaps> {
  const writable = drive.access !== 'read';
  if (drive.image !== undefined) {
    if (options.sidecar !== undefined) throw sidecarOnImage(drive, options.sidecar);
    const store = await openQcow2Store(drive.image, { writable });
    return { store, sidecarPath: undefined, undo: () => store.close() };
  }
  const sidecarPath = options.sidecar ?? defaultSidecarPath(drive.path);
  await refuseDriveAsSidecar(drive, sidecarPath);
  const present = await exists(sidecarPath);
  if (!present && options.create !== true) {
    return { store: undefined, sidecarPath, undo: async () => {} };
  }
  if (!present) await createSidecarFile(sidecarPath, drive.device.size);
  const store = await openSidecarFile(drive, sidecarPath, options);
  return {
    store,
    sidecarPath,
    undo: async () => {
      const unused = !present && (await store.list().catch(() => undefined))?.length === 0;
      if (unused) await unlink(sidecarPath);
      await store.close();
    },
  };
}

async function openSidecarFile(
  drive: Drive,
  path: string,
  { lock = true, onNotice }: OpenBitmapsOptions,
): Promise<BitmapStore> {
  const writable = drive.access !== 'read';
  const sidecar = await openFileDevice(path, { writable, lock, ...(onNotice && { onNotice }) });
  try {
    return await openSidecarStore({ drive: drive.device, sidecar, sidecarPath: path, writable });
  } catch (error) {
    await sidecar.close();
    throw error;
  }
}

async function refuseDriveAsSidecar(drive: Drive, sidecar: string): Promise<void> {
  const [a, b] = await Promise.all([identity(drive.path), identity(sidecar)]);
  if (a === undefined || a !== b) return;
  throw new TidemarkError('USAGE', `'${sidecar}' is the drive itself, not a sidecar for it`, {
    where: drive.path,
    hint: 'name another file, or leave the name out to use the default beside the drive',
  });
}

function sidecarOnImage(drive: Drive, sidecar: string): TidemarkError {
  return new TidemarkError('USAGE', `a qcow2 drive keeps its bitmaps itself and takes no sidecar '${sidecar}'`, {
    where: drive.path,
    hint: 'leave the sidecar out',
  });
}

async function exists(path: string): Promise<boolean> {
  return (await identity(path)) !== undefined;
}

async function identity(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
