import { type BitmapStore, TidemarkError } from '@tidemark/core';
import { type Drive, type DriveAccess, openDrive, openDriveBitmaps } from '@tidemark/drive';
import type { DriveFlags } from './flags.ts';
import { notice } from './output.ts';

export interface SessionOptions {
  readonly access: DriveAccess;
  /** Makes the sidecar of a raw drive when there is none. Default false. */
  readonly create?: boolean;
  readonly forceShare?: boolean;
}

export interface Session {
  readonly drive: Drive;
  /** Absent: a raw drive without a sidecar. */
  readonly store: BitmapStore | undefined;
  readonly sidecarPath: string | undefined;
}

/** Opens a drive and its bitmaps, runs `work`, and closes both whatever happens. */
export async function withDrive<T>(
  path: string,
  flags: DriveFlags,
  { access, create = false, forceShare = false }: SessionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const shared = { lock: !forceShare, onNotice: notice };
  const drive = await openDrive(path, {
    ...shared,
    access,
    ...(flags.format && { format: flags.format }),
  });
  try {
    const bitmaps = await openDriveBitmaps(drive, {
      ...shared,
      create,
      ...(flags.sidecar !== undefined && { sidecar: flags.sidecar }),
    });
    try {
      return await work({ drive, store: bitmaps.store, sidecarPath: bitmaps.sidecarPath });
    } catch (error) {
      await bitmaps.undo();
      throw error;
    } finally {
      await bitmaps.store?.close();
    }
  } finally {
    await drive.device.close();
  }
}

/** As `withDrive`, for work that changes bitmaps and cannot do without a store. */
export async function withStore<T>(
  path: string,
  flags: DriveFlags,
  options: SessionOptions,
  work: (store: BitmapStore, session: Session) => Promise<T>,
): Promise<T> {
  return withDrive(path, flags, options, async (session) => work(requireStore(session), session));
}

/** The store of a session that cannot do without one. @throws BITMAP_NOT_FOUND */
export function requireStore({ drive, store, sidecarPath }: Session): BitmapStore {
  if (store !== undefined) return store;
  throw new TidemarkError(
    'BITMAP_NOT_FOUND',
    `raw drive '${drive.path}' has no bitmaps: there is no sidecar '${sidecarPath}'`,
    {
      where: drive.path,
      hint: `tidemark bitmap add ${drive.path} NAME makes the first bitmap and the sidecar with it`,
    },
  );
}
