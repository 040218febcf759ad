import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { packKey, pointKey } from '../format/object-keys.ts';
import type { Root, RootDrive, RootPoint } from '../format/root.ts';
import type { PointManifest } from '../format/manifest.ts';
import type { Repository } from '../repository.ts';

/** A point whose objects are durable, and that nobody sees yet. */
export interface PreparedPoint {
  readonly id: string;
  readonly manifest: PointManifest;
  /** Id of the point whose map it was made of, which has to be named still; null: of none. */
  readonly base: string | null;
  /** Packs that hold what that point does not have. */
  readonly packs: readonly string[];
  /** `Root.prunes` before it was looked what is there. */
  readonly prunes: number;
  /** Where it has to come behind a certain point of its drive. */
  readonly place?: PlaceOfPoint | undefined;
}

/** Of a copy, which must not come behind points that are younger than it is. */
export interface PlaceOfPoint {
  /** Id of the newest point of the drive; undefined: there is none. */
  readonly behind: string | undefined;
  /** The number that it has, if that is free. */
  readonly number: number;
}

/**
 * Lets the root name new points, all of them in one step: the commit point. What they need has to be
 * there: a prune that went on meanwhile may have taken it away.
 * @throws BACKUP_PARENT_MISMATCH: the base was forgotten, or another point came meanwhile where there is
 *   a place to keep; LOCKED: what was relied on was pruned
 */
export async function commitPoints(
  repository: Repository,
  points: readonly PreparedPoint[],
): Promise<readonly RootPoint[]> {
  const root = await repository.changeRoot(async (before) => {
    let next = before;
    for (const point of points) {
      await assertStillWhole(repository, before, point);
      next = addPoint(next, point);
    }
    return next;
  });
  const named = new Map(root.drives.flatMap((drive) => drive.points.map((it) => [it.id, it])));
  return points.map(({ id }) => named.get(id)!);
}

function addPoint(root: Root, { id, manifest, place }: PreparedPoint): Root {
  const { drive, created, bitmap } = manifest;
  const known = root.drives.find((it) => it.id === drive.id);
  // Done by an earlier turn that was told otherwise.
  if (known?.points.some((point) => point.id === id) === true) return root;
  const last = Math.max((known?.last ?? 0) + 1, place?.number ?? 1);
  const point: RootPoint = { id, number: last, created, checkpoint: bitmap?.checkpoint ?? null };
  const added: RootDrive = {
    id: drive.id,
    label: drive.label,
    last,
    points: [...(known?.points ?? []), point],
  };
  const drives =
    known === undefined
      ? [...root.drives, added]
      : root.drives.map((it) => (it === known ? added : it));
  return { ...root, drives };
}

async function assertStillWhole(
  repository: Repository,
  root: Root,
  { id: own, manifest, base, packs, prunes, place }: PreparedPoint,
): Promise<void> {
  const points = root.drives.find(({ id }) => id === manifest.drive.id)?.points ?? [];
  // By an earlier turn that was told otherwise, or by somebody else: all of it was there then.
  if (points.some(({ id }) => id === own)) return;
  if (base !== null && !points.some(({ id }) => id === base)) throw baseGone(repository);
  if (place !== undefined && points.at(-1)?.id !== place.behind) throw cameMeanwhile(repository);
  // Before this root, all that was condemned may be gone. After it, a condemnation lets our swap fail.
  const condemned = new Set(root.condemned);
  // Always: it may have been there before, and condemned.
  if (condemned.has(own) || !(await isThere(repository, pointKey(own)))) throw pruned(repository);
  if (root.prunes === prunes) return;
  for (const id of packs) {
    if (condemned.has(id) || !(await isThere(repository, packKey(id)))) throw pruned(repository);
  }
}

async function isThere({ store }: Repository, key: string): Promise<boolean> {
  try {
    await store.get(key, { offset: 0, length: 1 });
    return true;
  } catch (error) {
    if (isTidemarkError(error, 'FILE_NOT_FOUND')) return false;
    throw error;
  }
}

function cameMeanwhile({ label: where }: Repository): TidemarkError {
  const text = `another restore point of the drive came to ${where} meanwhile`;
  return new TidemarkError('BACKUP_PARENT_MISMATCH', text, { where, hint: 'run it again' });
}

function baseGone({ label: where }: Repository): TidemarkError {
  const text = `the restore point that this backup stands on was forgotten in ${where} meanwhile`;
  return new TidemarkError('BACKUP_PARENT_MISMATCH', text, { where, hint: 'run the backup again' });
}

function pruned({ label: where }: Repository): TidemarkError {
  const text = `${where} was pruned meanwhile, and lacks what this backup relied on`;
  return new TidemarkError('LOCKED', text, { where, hint: 'run the backup again' });
}
