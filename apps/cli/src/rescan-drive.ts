import { planRescan } from '@tidemark/backup';
import { openRecordingDrive } from '@tidemark/drive';
import type { DigestSource, TrackedDrive, TrustedBitmap } from '@tidemark/tracking';
import { idOf } from './back-up.ts';
import type { DriveFlags } from './flags.ts';
import { longWork } from './long-work.ts';
import { notice } from './output.ts';
import { refuseRepositoryFlags } from './repository/refuse-flags.ts';
import type { RepositoryFlags } from './repository/flags.ts';
import { withDrive } from './session.ts';

/** A bitmap by which most of a drive need not be read, and why; or why all of it has to be. */
interface FoundTrust {
  readonly trusted?: TrustedBitmap;
  readonly reason: string;
}

/** What to compare with, wherever it is kept. */
export interface RescanSource extends DigestSource {
  readonly point: string;
  readonly bitmap: { readonly name: string; readonly granularity: number };
  /** A bitmap of the drive that proves what was written since this point or another one. */
  findTrust(drive: TrackedDrive): Promise<FoundTrust>;
}

export interface RescanOptions extends DriveFlags, RepositoryFlags {
  readonly bitmap: string;
  readonly point?: string;
  readonly driveId?: string;
  readonly trackingBound?: number;
  /** Nothing is taken for proven. */
  readonly all?: boolean;
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
  /** Bytes of the drive that were not compared, since this bitmap proves them to be as they were. */
  readonly known: number;
  readonly trusts: string | null;
  /** Why it is trusted, or why all was compared. */
  readonly reason: string;
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
    report = await compare(drive, digests, options);
  } catch (error) {
    // What went wrong first is what the user has to know.
    await drive.close().catch(() => {});
    throw error;
  }
  // What is stored is told only when it is.
  await drive.close();
  return report;
}

async function compare(
  drive: TrackedDrive,
  digests: RescanSource,
  { all }: RescanOptions,
): Promise<RescanReport> {
  const { point, checkpoint, size } = digests;
  const { name, granularity } = digests.bitmap;
  const { trusted, reason }: FoundTrust = all
    ? { reason: '--all was given' }
    : await digests.findTrust(drive);
  const { progress, trusts } = await longWork('rescan', async (signal, bar) => {
    const running = await drive.beginRescan({
      name,
      source: digests,
      granularity,
      trusted,
      onProgress: ({ done, total }) => bar.update(done, total),
      signal,
    });
    return { trusts: running.trusts ?? null, progress: await running.finished };
  });
  const { dirtyBytes } = await drive.load(name);
  const { clean, dirty, known } = progress;
  const found = { clean, dirty, granularity, dirtyBytes, known, trusts, reason };
  return { bitmap: name, point, checkpoint, size, ...found };
}

async function findDigests(
  path: string,
  directory: string,
  size: number,
  { bitmap, point, driveId }: RescanOptions,
): Promise<RescanSource> {
  const drive = { id: driveId ?? (await idOf(path)) };
  const digests = await planRescan({ target: directory, drive, size, bitmap, point });
  // Its points began no other bitmap, by which the drive could be known.
  const reason = 'other bitmaps prove something in a repository only';
  return { ...digests, findTrust: async () => ({ reason }) };
}
