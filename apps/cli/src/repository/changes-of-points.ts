import { DirtyBitmap } from '@tidemark/core';
import { chooseDrives, differences, type OpenPoint, openPoint } from '@tidemark/repository';
import type { RepositoryFlags } from './flags.ts';
import { withRepository } from './open-place.ts';

export interface WhichPoints extends RepositoryFlags {
  readonly point?: string;
  readonly driveId?: string;
}

/** Ranges that are listed of one point. */
const MAX_RANGES = 10_000;

/** Where a point of a drive differs from the one before it. */
export interface ChangesOfPoint {
  readonly now: OpenPoint;
  /** Undefined: all of it is new. */
  readonly before: OpenPoint | undefined;
  readonly map: DirtyBitmap;
  /** Bytes. */
  readonly changed: number;
  readonly ranges: readonly { offset: number; length: number; zero: boolean }[];
}

/** What `describe` makes of each point of a drive, oldest first; of one alone where one is asked for. */
export async function changesOfPoints<T>(
  place: string,
  { point, driveId, ...flags }: WhichPoints,
  describe: (changes: ChangesOfPoint) => T,
) {
  return withRepository(place, flags, async (repository) => {
    const chosen = await openPoint(repository, { point, drive: driveId });
    const [drive] = chooseDrives(await repository.readRoot(), chosen.drive.id, repository.label);
    const points: T[] = [];
    let before: OpenPoint | undefined;
    for (const { id } of drive!.points) {
      const now = await openPoint(repository, { drive: drive!.id, point: id });
      if (point === undefined || now.id === chosen.id) {
        const comparable = before !== undefined && isLike(before, now) ? before : undefined;
        points.push(describe(await compare(repository, now, comparable)));
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

async function compare(
  repository: Parameters<typeof differences>[0],
  now: OpenPoint,
  before: OpenPoint | undefined,
): Promise<ChangesOfPoint> {
  const { drive, granularity } = now.manifest;
  const map = new DirtyBitmap(drive.size, granularity);
  const ranges: { offset: number; length: number; zero: boolean }[] = [];
  let changed = 0;
  for await (const { offset, length, zero } of differences(repository, now, before)) {
    map.set(offset, length);
    changed += length;
    if (ranges.length < MAX_RANGES) ranges.push({ offset, length, zero });
  }
  return { now, before, map, changed, ranges };
}
