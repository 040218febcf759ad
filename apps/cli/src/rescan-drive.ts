import { planRescan } from '@tidemark/backup';
import { openRecordingDrive } from '@tidemark/drive';
import type { DigestSource, TrackedDrive } from '@tidemark/tracking';
import { idOf } from './back-up.ts';
import type { DriveFlags } from './flags.ts';
import { longWork } from './long-work.ts';
import { notice } from './output.ts';
import { refuseRepositoryFlags } from './repository/refuse-flags.ts';
import type { RepositoryFlags } from './repository/flags.ts';
import { withDrive } from './session.ts';

/** What to compare with, wherever it is kept. */
export interface RescanSource extends DigestSource {
  readonly point: string;
  readonly bitmap: { readonly name: string; readonly granularity: number };
}

export interface RescanOptions extends DriveFlags, RepositoryFlags {
  readonly bitmap: string;
  readonly point?: string;
  readonly driveId?: string;
  readonly trackingBound?: number;
}

export interface RescanReport {
  readonly bitmap: string;
  /** The restore point that the drive was compared with, and its checkpoint. */
  readonly point: string;
  readonly checkpoint: string;
  /** Bytes of the drive, and of it what is as it was, and what is not. */
  readonly size: number;
  readonly clean: number;
  readonly dirty: number;
  /** Bytes of a granule of the bitmap, and what it calls dirty. */
  readonly granularity: number;
  readonly dirtyBytes: number;
}

/** @throws as `planRescan`, `openRecordingDrive` and `TrackedDrive.rescan` */
export async function rescanDrive(
  path: string,
  directory: string,
  options: RescanOptions,
): Promise<RescanReport> {
  const { holdsRepository } = await import('./repository/open-place.ts');
  if (!(await holdsRepository(directory))) {
    refuseRepositoryFlags(directory, options);
    return rescanBy(path, options, (size) => findDigests(path, directory, size, options));
  }
  const { withDigests } = await import('./repository/rescan-source.ts');
  return withDigests(path, directory, options, (find) => rescanBy(path, options, find));
}

async function rescanBy(
  path: string,
  options: RescanOptions,
  find: (size: number) => Promise<RescanSource>,
): Promise<RescanReport> {
  // Refusals come before anything is opened for writing, or made.
  const digests = await withDrive(path, options, { access: 'read' }, ({ device }) =>
    find(device.size),
  );
  const { format, sidecar, checkpoints, trackingBound } = options;
  const drive = await openRecordingDrive(path, {
    create: true,
    onNotice: notice,
    ...(format && { format }),
    ...(sidecar !== undefined && { sidecar }),
    ...(checkpoints !== undefined && { checkpoints }),
    ...(trackingBound !== undefined && { trackingBound }),
  });
  let report: RescanReport;
  try {
    report = await compare(drive, digests);
  } catch (error) {
    // What went wrong first is what the user has to know.
    await drive.close().catch(() => {});
    throw error;
  }
  // What is stored is told only when it is.
  await drive.close();
  return report;
}

async function compare(drive: TrackedDrive, digests: RescanSource): Promise<RescanReport> {
  const { point, checkpoint, size } = digests;
  const { name, granularity } = digests.bitmap;
  const { clean, dirty } = await longWork('rescan', (signal, progress) =>
    drive.rescan({
      name,
      source: digests,
      granularity,
      onProgress: ({ done, total }) => progress.update(done, total),
      signal,
    }),
  );
  const { dirtyBytes } = await drive.load(name);
  return { bitmap: name, point, checkpoint, size, clean, dirty, granularity, dirtyBytes };
}

async function findDigests(
  path: string,
  directory: string,
  size: number,
  { bitmap, point, driveId }: RescanOptions,
): Promise<RescanSource> {
  const id = driveId ?? (await idOf(path));
  return planRescan({ target: directory, drive: { id }, size, bitmap, point });
}
