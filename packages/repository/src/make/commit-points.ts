import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { packKey, pointKey } from '../format/object-keys.ts';
import type { Root, RootDrive, RootPoint } from '../format/root.ts';
import type { PointManifest } from '../format/manifest.ts';
import type { Repository } from '../repository.ts';

/** A point whose objects are durable, and that nobody sees yet. */
export interface PreparedPoint {
  readonly id: string;
  readonly manifest: PointManifest;
  /** Packs that hold what its parent does not have. */
  readonly packs: readonly string[];
  /** `Root.prunes` before it was looked what is there. */
  readonly prunes: number;
}

/**
 * Lets the root name new points, all of them in one step: the commit point. What they need has to be
 * there: a prune that went on meanwhile may have taken it away.
 * @throws BACKUP_PARENT_MISMATCH: the parent was forgotten; LOCKED: what was relied on was pruned
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

function addPoint(root: Root, { id, manifest }: PreparedPoint): Root {
  const { drive, created, bitmap } = manifest;
  const known = root.drives.find((it) => it.id === drive.id);
  // Done by an earlier turn that was told otherwise.
  if (known?.points.some((point) => point.id === id) === true) return root;
  const last = (known?.last ?? 0) + 1;
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
  { id: own, manifest, packs, prunes }: PreparedPoint,
): Promise<void> {
  const { parent, drive } = manifest;
  const points = root.drives.find(({ id }) => id === drive.id)?.points ?? [];
  if (parent !== null && !points.some(({ id }) => id === parent)) throw parentGone(repository);
  if (root.prunes === prunes) return;
  // Before this root, all that was condemned may be gone. After it, a condemnation lets our swap fail.
  const condemned = new Set(root.condemned);
  if (!(await isThere(repository, pointKey(own)))) throw pruned(repository);
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

function parentGone({ label: where }: Repository): TidemarkError {
  const text = `the restore point that this backup stands on was forgotten in ${where} meanwhile`;
  return new TidemarkError('BACKUP_PARENT_MISMATCH', text, { where, hint: 'run the backup again' });
}

function pruned({ label: where }: Repository): TidemarkError {
  const text = `${where} was pruned meanwhile, and lacks what this backup relied on`;
  return new TidemarkError('LOCKED', text, { where, hint: 'run the backup again' });
}
