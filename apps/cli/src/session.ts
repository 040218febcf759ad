import { type BitmapStore, TidemarkError } from '@tidemark/core';
import { type Drive, type DriveAccess, openDrive, openDriveBitmaps } from '@tidemark/drive';
import type { DriveFlags } from './flags.ts';
import { notice } from './output.ts';

export interface SessionOptions {
  readonly access: DriveAccess;
  /** The drive's content will be read, so its backing files have to be there. Default false. */
  readonly content?: boolean;
  /** Makes the sidecar of a raw drive when there is none. Default false. */
  readonly create?: boolean;
  readonly forceShare?: boolean;
  /**
   * For a short look at bitmaps: refused while somebody writes, keeps nobody out, and starts no
   * helper. Default false.
   */
  readonly look?: boolean;
}

export interface Session {
  readonly drive: Drive;
  /** Absent: a raw drive without a sidecar. */
  readonly store: BitmapStore | undefined;
  readonly sidecarPath: string | undefined;
}

/** A drive and its store. */
export interface StoreSession {
  readonly drive: Drive;
  readonly store: BitmapStore;
}

/** Opens a drive, runs `work`, and closes it whatever happens. */
export async function withDrive<T>(
  path: string,
  { format }: Pick<DriveFlags, 'format'>,
  options: SessionOptions,
  work: (drive: Drive) => Promise<T>,
): Promise<T> {
  const { access, content = false, look = false } = options;
  const drive = await openDrive(path, {
    access,
    skipBacking: !content,
    lock: lockOf(options),
    waits: look,
    onNotice: notice,
    ...(format && { format }),
  });
  try {
    return await work(drive);
  } finally {
    await drive.device.close();
  }
}

/** As `withDrive`, and its bitmaps too. When `work` fails, a sidecar that was made for it goes. */
export async function withBitmaps<T>(
  path: string,
  flags: DriveFlags,
  options: SessionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return withDrive(path, flags, options, async (drive) => {
    const bitmaps = await openDriveBitmaps(drive, {
      create: options.create ?? false,
      lock: lockOf(options),
      onNotice: notice,
      ...(flags.sidecar !== undefined && { sidecar: flags.sidecar }),
      ...(flags.checkpoints !== undefined && { checkpoints: flags.checkpoints }),
    });
    const { store, sidecarPath } = bitmaps;
    try {
      return await work({ drive, store, sidecarPath });
    } catch (error) {
      // What went wrong first is what the user has to know.
      await bitmaps.undo().catch(() => {});
      throw error;
    } finally {
      await store?.close();
    }
  });
}

/** As `withBitmaps`, for work that cannot do without a store. @throws BITMAP_NOT_FOUND */
export async function withStore<T>(
  path: string,
  flags: DriveFlags,
  options: SessionOptions,
  work: (store: BitmapStore, session: Session) => Promise<T>,
): Promise<T> {
  return withBitmaps(path, flags, options, async (session) => {
    if (session.store === undefined) throw noSidecar(session);
    return work(session.store, session);
  });
}

function lockOf({ forceShare = false, look = false }: SessionOptions): boolean | 'look' {
  if (forceShare) return false;
  return look ? 'look' : true;
}

function noSidecar({ drive, sidecarPath }: Session): TidemarkError {
  const message = `raw drive '${drive.path}' has no bitmaps: there is no sidecar '${sidecarPath}'`;
  return new TidemarkError('BITMAP_NOT_FOUND', message, {
    where: drive.path,
    hint: `tidemark bitmap add ${drive.path} NAME makes a bitmap and the sidecar with it`,
  });
}
