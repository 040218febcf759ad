import { existsSync } from 'node:fs';
import { openBackupDirectory, restore } from '@tidemark/backup';
import type { BlockDevice } from '@tidemark/block';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import {
  createWholeDrive,
  defaultSidecarPath,
  type DriveFormat,
  openRecordingDrive,
} from '@tidemark/drive';
import type { DriveFlags } from './flags.ts';
import { longWork } from './long-work.ts';
import { notice } from './output.ts';
import { withDrive } from './session.ts';

export interface RestoreFlags extends DriveFlags {
  readonly point?: string;
  /** See `OpenRecordingDriveOptions`. */
  readonly trackingBound?: number;
}

export interface Restored {
  readonly point: string;
  readonly target: string;
  readonly format: DriveFormat;
  /** Bytes of the disk. */
  readonly size: number;
  /** Restore points that were read. */
  readonly chainLength: number;
  readonly bytesWritten: number;
}

interface RestoreTargetOptions {
  readonly targetIsZero: boolean;
  readonly checkDataFirst: boolean;
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
  readonly signal: AbortSignal;
}

/** What is to be restored; what can be checked by manifests has been. */
export interface RestoreSource {
  readonly point: string;
  /** Bytes. */
  readonly size: number;
  readonly format: DriveFormat;
  restore(
    target: BlockDevice,
    options: RestoreTargetOptions,
  ): Promise<Pick<Restored, 'chainLength' | 'bytesWritten'>>;
}

/** @throws FILE_EXISTS; BACKUP_NOT_FOUND, BACKUP_CORRUPT, BACKUP_PARENT_MISMATCH; as `restore` */
export async function restoreToNew(
  source: RestoreSource,
  target: string,
  flags: RestoreFlags,
): Promise<Restored> {
  const { size } = source;
  const format = flags.format ?? source.format;
  refuseExisting(target);
  // A sidecar that is there would go with the new drive and call all of it clean.
  if (format === 'raw') refuseExisting(defaultSidecarPath(target));
  const done = await createWholeDrive(target, { format, size }, ({ device }) =>
    write(source, device, { overwrite: false }),
  );
  return { point: source.point, target, format, size, ...done };
}

/** @throws BACKUP_DRIVE_MISMATCH (its size), BITMAP_UNSUPPORTED, as `openDrive` and `restore` */
export async function restoreOver(
  source: RestoreSource,
  target: string,
  flags: RestoreFlags,
): Promise<Restored> {
  const format = await withDrive(target, flags, { access: 'read' }, async (drive) => {
    assertSameSize(source, target, drive.device.size);
    return drive.format;
  });
  const { sidecar, checkpoints, trackingBound } = flags;
  const places = { ...(sidecar && { sidecar }), ...(checkpoints && { checkpoints }) };
  const bound = trackingBound !== undefined && { trackingBound };
  const options = { format, onNotice: notice, ...places, ...bound };
  const drive = await openRecordingDrive(target, options);
  let done: Awaited<ReturnType<typeof write>>;
  try {
    done = await write(source, drive.device, { overwrite: true });
  } catch (error) {
    // Its bitmaps are stored all the same: they hold what was written until now.
    await drive.close().catch(() => {});
    throw error;
  }
  await drive.close();
  return { point: source.point, target, format, size: source.size, ...done };
}

/** A restore point in a directory. */
export async function findSource(
  directory: string,
  point: string | undefined,
): Promise<RestoreSource> {
  const chain = await (await openBackupDirectory(directory)).readChain(point);
  const { name, manifest } = chain.at(-1)!;
  const { size, format } = manifest.drive;
  return {
    point: name,
    size,
    format: format === 'qcow2' ? 'qcow2' : 'raw',
    restore: (target, options) => restore({ directory, point: name, target, ...options }),
  };
}

async function write(
  source: RestoreSource,
  target: BlockDevice,
  { overwrite }: { readonly overwrite: boolean },
): Promise<Pick<Restored, 'chainLength' | 'bytesWritten'>> {
  let begun = false;
  try {
    const { chainLength, bytesWritten } = await longWork('restore', (signal, progress) =>
      source.restore(target, {
        targetIsZero: !overwrite,
        checkDataFirst: overwrite,
        onProgress: ({ done, total }) => {
          begun = true;
          progress.update(done, total);
        },
        signal,
      }),
    );
    return { chainLength, bytesWritten };
  } catch (error) {
    throw overwrite && begun && isTidemarkError(error) ? incomplete(target, error) : error;
  }
}

function incomplete({ label }: BlockDevice, error: TidemarkError): TidemarkError {
  const message = `${error.message}; ${label} is restored in part only`;
  const hint = 'run the restore again before anything uses the drive';
  return new TidemarkError(error.code, message, { ...error.context, hint }, error.cause);
}

function assertSameSize({ point, size }: RestoreSource, target: string, actual: number): void {
  if (actual === size) return;
  const message = `'${target}' has ${actual} bytes, and the drive at '${point}' had ${size}`;
  throw new TidemarkError('BACKUP_DRIVE_MISMATCH', message, {
    where: target,
    hint: 'name a drive of the same size, or restore to a new name',
  });
}

function refuseExisting(path: string): void {
  if (!existsSync(path)) return;
  const context = { where: path, hint: 'restore to a new name, or add --overwrite' };
  throw new TidemarkError('FILE_EXISTS', `'${path}' exists already`, context);
}
