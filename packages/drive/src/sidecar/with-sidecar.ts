import { type FileBlockDevice, openFileDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import type { SidecarSessionOptions } from '@tidemark/store-sidecar';
import { findDefaultSidecar } from '../default-sidecar.ts';
import { fileIdentity } from '../file-identity.ts';
import { type Drive, openDrive } from '../open-drive.ts';

/** Which drive and which sidecar a change of one is about. */
export interface SidecarOptions {
  /** Another sidecar than the default one. */
  readonly sidecar?: string | undefined;
  /** `raw`: whatever the first bytes of the drive say. */
  readonly format?: 'raw' | 'qcow2' | undefined;
  readonly onNotice?: ((message: string) => void) | undefined;
}

/** A raw drive, open for reading, and where its sidecar is or would be. */
export interface DriveAndSidecar {
  readonly drive: Drive;
  readonly sidecarPath: string;
}

/** @throws USAGE for a qcow2 drive, and as `openDrive` */
export async function withRawDrive<T>(
  path: string,
  { sidecar, format, onNotice, lock = true }: SidecarOptions & { readonly lock?: boolean },
  work: (found: DriveAndSidecar) => Promise<T>,
): Promise<T> {
  const notices = onNotice && { onNotice };
  const drive = await openDrive(path, {
    access: 'bitmaps',
    lock,
    ...(format && { format }),
    ...notices,
  });
  try {
    if (drive.image !== undefined) throw keepsItsOwn(path);
    return await work({ drive, sidecarPath: sidecar ?? (await findDefaultSidecar(path)) });
  } finally {
    await drive.device.close();
  }
}

/** Both, locked; `session` is for the functions of `@tidemark/store-sidecar` that close the sidecar. */
export interface OpenSidecar extends DriveAndSidecar {
  readonly file: FileBlockDevice;
  readonly session: SidecarSessionOptions;
}

/** @throws FILE_NOT_FOUND: there is no sidecar; as `withRawDrive`, and what `work` throws */
export async function withSidecar<T>(
  path: string,
  options: SidecarOptions,
  work: (found: OpenSidecar) => Promise<T>,
): Promise<T> {
  const { onNotice } = options;
  return withRawDrive(path, options, async (found) => {
    const { drive, sidecarPath } = found;
    const before = await fileIdentity(sidecarPath);
    if (before === undefined) throw noSidecar(path, sidecarPath);
    const notices = onNotice && { onNotice };
    const file = await openFileDevice(sidecarPath, { writable: true, ...notices });
    try {
      const session = { drive: drive.file, sidecar: file, sidecarPath, ...notices };
      return await work({ ...found, file, session });
    } finally {
      await file.close();
    }
  });
}

function keepsItsOwn(where: string): TidemarkError {
  return new TidemarkError('USAGE', `'${where}' is a qcow2 image and keeps its bitmaps itself`, {
    where,
    hint: 'name a raw drive, or say that its format is raw',
  });
}

function noSidecar(drive: string, sidecar: string): TidemarkError {
  return new TidemarkError('FILE_NOT_FOUND', `raw drive '${drive}' has no sidecar '${sidecar}'`, {
    where: sidecar,
    hint: `tidemark sidecar create ${drive} makes one`,
  });
}
