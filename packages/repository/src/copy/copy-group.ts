import { throwIfCancelled } from '@tidemark/backup/parts';
import { isTidemarkError, type TidemarkError } from '@tidemark/core';
import type { RootDrive } from '../format/root.ts';
import { commitPoints } from '../make/commit-points.ts';
import type { RateLimit } from '../make/rate-limit.ts';
import { openPoint } from '../points.ts';
import type { PointOfPlan } from './copy-order.ts';
import { type CopyBase, preparePointCopy, type PreparedCopy } from './copy-point.ts';
import type { CopiedPoint, CopyPointsOptions } from './copy-points.ts';
import { findCopy } from './find-copy.ts';

export interface CopyRun {
  readonly options: CopyPointsOptions;
  readonly limit: RateLimit | undefined;
  /** By drive: what the next copy shares with. */
  readonly bases: Map<string, CopyBase>;
  /** By drive: id of its newest point in the target. */
  readonly newest: Map<string, string | undefined>;
  readonly points: number;
}

/** Points that are there together. One that is damaged is left out. */
export async function copyGroup(
  run: CopyRun,
  group: readonly PointOfPlan[],
  before: number,
): Promise<readonly CopiedPoint[]> {
  const { options, bases, newest } = run;
  const results: CopiedPoint[] = [];
  const made: (PreparedCopy & PointOfPlan & { readonly base: CopyBase })[] = [];
  for (const [index, each] of group.entries()) {
    throwIfCancelled(options.signal);
    const { plan, point } = each;
    try {
      made.push({ ...each, ...(await prepareOne(run, each, before + index + 1)) });
    } catch (error) {
      if (!isDamage(error)) throw error;
      const { drive } = plan;
      results.push({ drive, point, state: 'damaged', read: 0, storedBytes: 0, error });
    }
  }
  throwIfCancelled(options.signal);
  const copies = await commitPoints(
    options.to,
    made.map(({ prepared }) => prepared),
  );
  made.forEach(({ plan: { drive }, point, base, read, storedBytes }, index) => {
    const copy = copies[index]!;
    bases.set(drive.id, base);
    newest.set(drive.id, copy.id);
    results.push({ drive, point, state: 'copied', copy, read, storedBytes });
  });
  return results;
}

async function prepareOne(run: CopyRun, each: PointOfPlan, number: number) {
  const { options, bases, newest, limit, points } = run;
  const { from, to, signal, onProgress } = options;
  const { drive } = each.plan;
  const point = await openPoint(from, { drive: drive.id, point: each.point.id });
  const made = await preparePointCopy({
    from,
    to,
    point,
    base: bases.get(drive.id),
    parent: await parentOf(run, drive.id, point.manifest.parent),
    place: { behind: newest.get(drive.id), number: point.number },
    rate: limit,
    signal,
    onProgress: (done, total) => {
      onProgress?.({ point: number, points, done, total });
    },
  });
  const { id, manifest } = made.prepared;
  return { ...made, base: { point, copy: { id, manifest } } };
}

/** A parent that has no copy keeps its own name, which is nobody's there: so is that of one that was forgotten. */
async function parentOf(
  { options: { from, to }, bases }: CopyRun,
  drive: string,
  parent: string | null,
): Promise<string | null> {
  if (parent === null) return null;
  const base = bases.get(drive);
  if (base?.point.id === parent) return base.copy.id;
  const find = ({ drives }: { readonly drives: readonly RootDrive[] }) =>
    drives.find(({ id }) => id === drive);
  const point = find(await from.readRoot())?.points.find(({ id }) => id === parent);
  if (point === undefined) return parent;
  try {
    return (await findCopy(from, to, point, find(await to.readRoot())))?.id ?? parent;
  } catch (error) {
    // What is damaged there is no parent.
    if (isDamage(error)) return parent;
    throw error;
  }
}

export function isDamage(error: unknown): error is TidemarkError {
  return (
    isTidemarkError(error, 'BACKUP_CORRUPT') || isTidemarkError(error, 'BACKUP_PARENT_MISMATCH')
  );
}
