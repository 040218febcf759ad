import { DirtyBitmap } from '@tidemark/core';
import { chooseDrives, differences, type OpenPoint, openPoint } from '@tidemark/repository';
import { drawLine } from '../draw-map.ts';
import type { RepositoryFlags } from './flags.ts';
import { withRepository } from './open-place.ts';

interface Flags extends RepositoryFlags {
  readonly point?: string;
  readonly driveId?: string;
}

/** Ranges that are listed of one point. */
const MAX_RANGES = 10_000;

export type ShownDrive = Awaited<ReturnType<typeof showDrive>>;

/** Where each point of a drive differs from the one before. */
export async function showDrive(place: string, { point, driveId, ...flags }: Flags) {
  return withRepository(place, flags, async (repository) => {
    const chosen = await openPoint(repository, { point, drive: driveId });
    const [drive] = chooseDrives(await repository.readRoot(), chosen.drive.id, repository.label);
    const points = [];
    let before: OpenPoint | undefined;
    for (const { id } of drive!.points) {
      const now = await openPoint(repository, { drive: drive!.id, point: id });
      if (point === undefined || now.id === chosen.id) {
        const comparable = before !== undefined && isLike(before, now) ? before : undefined;
        points.push(await describePoint(repository, now, comparable));
      }
      before = now;
    }
    return { drive: chosen.drive, size: chosen.manifest.drive.size, points };
  });
}

function isLike(a: OpenPoint, b: OpenPoint): boolean {
  return (
    a.manifest.drive.size === b.manifest.drive.size &&
    a.manifest.granularity === b.manifest.granularity
  );
}

async function describePoint(
  repository: Parameters<typeof differences>[0],
  now: OpenPoint,
  before: OpenPoint | undefined,
) {
  const { drive, granularity, created } = now.manifest;
  const map = new DirtyBitmap(drive.size, granularity);
  const ranges: { offset: number; length: number; zero: boolean }[] = [];
  let changed = 0;
  for await (const { offset, length, zero } of differences(repository, now, before)) {
    map.set(offset, length);
    changed += length;
    if (ranges.length < MAX_RANGES) ranges.push({ offset, length, zero });
  }
  const picture = drawLine(map);
  return {
    point: now.number,
    id: now.id,
    created,
    since: before?.number ?? null,
    changed,
    picture,
    ranges,
  };
}
