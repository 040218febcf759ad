import { basename } from 'node:path';
import type { BackupBitmap } from '@tidemark/backup';
import { type BitmapStore, defaultGranularity, TidemarkError } from '@tidemark/core';
import { type Drive, isNbdUri } from '@tidemark/drive';
import type { BackedUpDrive, DriveToBackUp, Repository, Resumable } from '@tidemark/repository';
import { idOf, takeBitmap } from '../back-up.ts';
import type { DriveFlags } from '../flags.ts';
import { type Session, withBitmaps, withDrive } from '../session.ts';
import type { RepositoryFlags } from './flags.ts';
import { checkpointNamed } from './checkpoint-named.ts';
import { followResumably } from './follow-resumably.ts';
import { liveAddresses } from './live/live-address.ts';
import { makePoints } from './make-points.ts';
import { withRepository } from './open-place.ts';

export interface RepositoryBackupFlags extends DriveFlags, RepositoryFlags {
  readonly full?: boolean;
  readonly granularity?: number;
  readonly driveId?: string;
  readonly bitmap?: string;
  readonly chain?: string;
  readonly bitmaps?: boolean;
  readonly differential?: boolean;
  readonly rate?: number;
  readonly scratch?: string;
  readonly begins?: string;
}

/** One instant of all drives: each is locked while the last one is opened, and until all is done. */
export async function backUpToRepository(
  paths: readonly string[],
  place: string,
  flags: RepositoryBackupFlags,
): Promise<readonly BackedUpDrive[]> {
  if (flags.driveId !== undefined && paths.length > 1) {
    const text = '--drive-id names one drive, and there are several';
    throw new TidemarkError('USAGE', text, { hint: 'back them up one by one, or leave it out' });
  }
  if (flags.begins !== undefined && !paths.every((path) => isNbdUri(path))) {
    throw new TidemarkError('USAGE', '--begins is for drives on a server of others', {
      hint: 'leave it out: bitmaps of other drives begin by themselves',
    });
  }
  const live = await liveAddresses(paths);
  if (live !== undefined) {
    const { backUpLive } = await import('./live/back-up-live.ts');
    return backUpLive(live, place, flags);
  }
  if (flags.scratch !== undefined) {
    throw new TidemarkError('USAGE', '--scratch is for drives of a running daemon', {
      hint: 'leave it out, or name the drive as SOCKET#NODE',
    });
  }
  return withRepository(place, flags, async (repository) =>
    withDrives(paths, flags, repository, [], async (drives) => {
      const { begins } = flags;
      const checkpoint = begins === undefined ? undefined : checkpointNamed(begins);
      return makePoints({ repository, drives, checkpoint }, flags);
    }),
  );
}

async function withDrives<T>(
  [path, ...others]: readonly string[],
  flags: RepositoryBackupFlags,
  repository: Repository,
  opened: readonly DriveToBackUp[],
  work: (drives: readonly DriveToBackUp[]) => Promise<T>,
): Promise<T> {
  if (path === undefined) return work(opened);
  const go = async (drive: Drive, { bitmap, resumable }: Followed) => {
    const id = flags.driveId ?? (await idOf(drive.path));
    const about = { id, label: basename(drive.path), format: drive.format };
    const { differential } = flags;
    const source = drive.device;
    const next = { source, drive: about, bitmap, differential, resumable };
    return withDrives(others, flags, repository, [...opened, next], work);
  };
  const isServed = (flags.bitmap ?? flags.begins) !== undefined && flags.sidecar === undefined;
  if (isServed && isNbdUri(path)) {
    const { bitmap, begins, driveId } = flags;
    const { withServedBitmap } = await import('./context-bitmap.ts');
    return withServedBitmap({ uri: path, bitmap, begins, driveId }, (next) =>
      withDrives(others, flags, repository, [...opened, next], work),
    );
  }
  if (flags.bitmaps === false) {
    return withDrive(path, flags, { access: 'read', content: true }, (drive) => go(drive, {}));
  }
  const session = { access: 'bitmaps', content: true, create: flags.bitmap === undefined } as const;
  return withBitmaps(path, flags, session, async (opened) =>
    go(opened.drive, await findBitmap(opened, flags, repository)),
  );
}

interface Followed {
  readonly bitmap?: BackupBitmap | undefined;
  readonly resumable?: Resumable | undefined;
}

/** The one that is named, else that of a chain, of which each repository has its own. */
async function findBitmap(
  { store, drive }: Session,
  flags: RepositoryBackupFlags,
  repository: Repository,
): Promise<Followed> {
  if (flags.bitmap !== undefined) {
    if (store === undefined) throw noBitmap(drive.path, flags.bitmap);
    return { bitmap: await takeBitmap(store, flags.bitmap) };
  }
  // A server's drive without a sidecar: nothing can be kept of it.
  if (store === undefined) return {};
  return followRepository(store, drive, flags, repository);
}

async function followRepository(
  store: BitmapStore,
  { image, path }: Drive,
  { chain, driveId, granularity }: RepositoryBackupFlags,
  repository: Repository,
): Promise<Followed> {
  const id = driveId ?? (await idOf(path));
  const root = await repository.readRoot();
  const points = root.drives.find((drive) => drive.id === id)?.points ?? [];
  return followResumably(store, {
    name: chain ?? `backup-${repository.config.id.slice(0, 8)}`,
    granularity: granularity ?? defaultGranularity(image?.info.clusterSize),
    begun: points.flatMap(({ checkpoint }) => checkpoint ?? []),
  });
}

function noBitmap(where: string, bitmap: string): TidemarkError {
  const text = `drive '${where}' keeps no bitmap '${bitmap}'`;
  const hint = `tidemark bitmap add ${where} ${bitmap} makes it`;
  return new TidemarkError('BITMAP_NOT_FOUND', text, { where, bitmap, hint });
}
