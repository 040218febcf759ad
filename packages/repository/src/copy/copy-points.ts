import type { TidemarkError } from '@tidemark/core';
import type { RootDrive, RootPoint } from '../format/root.ts';
import { RateLimit } from '../make/rate-limit.ts';
import { chooseDrives, choosePoint, openPoint } from '../points.ts';
import type { Repository } from '../repository.ts';
import { copyGroup, type CopyRun, isDamage } from './copy-group.ts';
import { copyOrder } from './copy-order.ts';
import type { CopyBase } from './copy-point.ts';
import { type DrivePlan, planCopy } from './plan-copy.ts';

/** What is copied, and where to. */
export interface CopyPointsOptions {
  readonly from: Repository;
  readonly to: Repository;
  /** Id or label. Default: all drives. */
  readonly drive?: string | undefined;
  /** The newest that is copied, see `PointChoice`; of one drive. Default: the newest of each. */
  readonly point?: string | undefined;
  /** Bytes a second that are read at most, on the whole. */
  readonly rate?: number | undefined;
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Points, and of the one that is copied bytes of its drive. */
export interface CopyProgress {
  readonly point: number;
  readonly points: number;
  readonly done: number;
  readonly total: number;
}

/** What became of a point of the source. */
export interface CopiedPoint {
  readonly drive: Pick<RootDrive, 'id' | 'label'>;
  readonly point: RootPoint;
  /**
   * `copied`; `there`: the newest that the target had already; `older`: left out, since the target has a
   * younger one that it has from elsewhere; `damaged`: left out, it cannot be read.
   */
  readonly state: 'copied' | 'there' | 'older' | 'damaged';
  /** What it is in the target. */
  readonly copy?: RootPoint;
  /** Bytes of the drive that were read from the source. */
  readonly read: number;
  /** Bytes of packs that were written. */
  readonly storedBytes: number;
  /** How it is damaged. */
  readonly error?: TidemarkError;
}

/**
 * Copies points into another repository, the oldest first, each with what the target does not have yet.
 * A copy holds the same checkpoint, so a bitmap that began at the point proves an increment on its copy
 * as well. Order for each point, or points of one checkpoint: packs, indexes and manifests are durable,
 * then the root names them (the commit point). Cut off anywhere, the next run goes on: points that are
 * there are not looked at, and blocks that are there are not stored again.
 * @throws BACKUP_NOT_FOUND, USAGE (`point` of several drives), BACKUP_PARENT_MISMATCH (others write to
 *   the target), CANCELLED, and what the stores throw
 */
export async function copyPoints(options: CopyPointsOptions): Promise<readonly CopiedPoint[]> {
  const { from, to, rate } = options;
  const plans = await planAll(options);
  const results: CopiedPoint[] = [];
  const bases = new Map<string, CopyBase>();
  for (const { drive, common, older } of plans) {
    for (const point of older)
      results.push({ drive, point, state: 'older', read: 0, storedBytes: 0 });
    if (common === undefined) continue;
    results.push({ drive, ...common, state: 'there', read: 0, storedBytes: 0 });
    const base = await openBase(from, to, drive.id, common);
    if (base !== undefined) bases.set(drive.id, base);
  }
  const run: CopyRun = {
    options,
    bases,
    limit: rate === undefined ? undefined : new RateLimit(rate),
    newest: new Map(plans.map(({ drive, newest }) => [drive.id, newest])),
    points: plans.reduce((sum, { pending }) => sum + pending.length, 0),
  };
  let done = 0;
  for (const group of copyOrder(plans)) {
    results.push(...(await copyGroup(run, group, done)));
    done += group.length;
  }
  return results;
}

async function planAll(options: CopyPointsOptions): Promise<readonly DrivePlan[]> {
  const { from, to, drive: wanted, point } = options;
  const [source, target] = [await from.readRoot(), await to.readRoot()];
  const last =
    point === undefined ? undefined : choosePoint(source, { drive: wanted, point }, from.label);
  const plans: DrivePlan[] = [];
  for (const drive of chooseDrives(source, last?.drive.id ?? wanted, from.label)) {
    const points = drive.points.filter(({ number }) => number <= (last?.number ?? Infinity));
    const known = target.drives.find(({ id }) => id === drive.id);
    plans.push(await planCopy(from, to, { ...drive, points }, known));
  }
  return plans;
}

/** Undefined: it cannot be read, and is none. */
async function openBase(
  from: Repository,
  to: Repository,
  drive: string,
  { point, copy }: NonNullable<DrivePlan['common']>,
): Promise<CopyBase | undefined> {
  try {
    const manifest = await to.readManifest(copy.id);
    return {
      point: await openPoint(from, { drive, point: point.id }),
      copy: { id: copy.id, manifest },
    };
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}
