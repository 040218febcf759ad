import type { DirtyBitmap } from '@tidemark/core';
import { TidemarkError } from '@tidemark/core';
import { chainCheckpoint } from '@tidemark/backup';
import { type OpenPoint, openPoint, type Repository, verifyAgainst } from '@tidemark/repository';
import { idOf } from '../back-up.ts';
import type { DriveFlags } from '../flags.ts';
import { longWork } from '../long-work.ts';
import { withDrive, withStore } from '../session.ts';
import type { RepositoryFlags } from './flags.ts';
import { withRepository } from './open-place.ts';

interface Flags extends DriveFlags, RepositoryFlags {
  readonly against: string;
  readonly bitmap?: string;
  readonly point?: string;
  readonly driveId?: string;
}

export type VerifiedDrive = Awaited<ReturnType<typeof verifyDrive>>;

/** A reader's lock keeps writers out meanwhile. */
export async function verifyDrive(place: string, flags: Flags) {
  const { against, bitmap: name } = flags;
  return withRepository(place, flags, async (repository) => {
    if (name === undefined) {
      return withDrive(against, flags, { access: 'read', content: true }, async ({ device }) =>
        compare(repository, await findPoint(repository, flags, undefined), device, undefined),
      );
    }
    const session = { access: 'read', content: true } as const;
    return withStore(against, flags, session, async (store, { drive }) => {
      const bitmap = await store.load(name);
      const info = (await store.list()).find((each) => each.name === name);
      const checkpoint = info?.checkpoint ?? chainCheckpoint(name);
      const point = await findPoint(repository, flags, checkpoint);
      return compare(repository, point, drive.device, bitmap);
    });
  });
}

async function findPoint(
  repository: Repository,
  { against, point, driveId, bitmap }: Flags,
  checkpoint: string | undefined,
): Promise<OpenPoint> {
  const drive = driveId ?? (await idOf(against));
  if (point !== undefined || bitmap === undefined) return openPoint(repository, { drive, point });
  const root = await repository.readRoot();
  const points = root.drives.find(({ id }) => id === drive)?.points ?? [];
  const began = points.findLast((each) => each.checkpoint === (checkpoint ?? ''));
  if (began !== undefined) return openPoint(repository, { drive, point: began.id });
  const where = repository.label;
  const text =
    checkpoint === undefined
      ? `bitmap '${bitmap}' of '${drive}' does not tell at which restore point it began`
      : `bitmap '${bitmap}' began at no restore point of '${drive}' in ${where}`;
  const hint = 'name the restore point with --point';
  throw new TidemarkError('BACKUP_NOT_FOUND', text, { where, bitmap, hint });
}

async function compare(
  repository: Repository,
  point: OpenPoint,
  source: Parameters<typeof verifyAgainst>[0]['source'],
  bitmap: DirtyBitmap | undefined,
) {
  const found = await longWork('verify', (signal, progress) =>
    verifyAgainst({
      repository,
      point,
      source,
      bitmap,
      signal,
      onProgress: ({ done, total }) => progress.update(done, total),
    }),
  );
  return { point: point.number, id: point.id, drive: point.drive.id, ...found };
}
