import { TidemarkError } from '@tidemark/core';
import {
  allPoints,
  applyPolicy,
  chooseDrives,
  choosePoint,
  forgetPoints,
  type KeepPolicy,
  type Root,
} from '@tidemark/repository';
import type { RepositoryFlags } from './flags.ts';
import { withRepository } from './open-place.ts';

export interface ForgetFlags extends RepositoryFlags {
  readonly point?: readonly string[];
  readonly driveId?: string;
  readonly keepLast?: number;
  readonly keepDaily?: number;
  readonly keepWeekly?: number;
  readonly keepMonthly?: number;
  readonly dryRun?: boolean;
}

export type Forgotten = Awaited<ReturnType<typeof forgetInPlace>>;

/** @throws USAGE: neither a policy nor points, or both */
export async function forgetInPlace(place: string, flags: ForgetFlags) {
  const { dryRun = false } = flags;
  const policy = policyIn(flags);
  return withRepository(place, flags, async (repository) => {
    const root = await repository.readRoot();
    const chosen = choose(root, flags, policy, repository.label);
    const all = allPoints(root);
    // By what was shown: a point that has come since is not in it.
    if (!dryRun) {
      await forgetPoints(repository, ({ points }) => points.filter(({ id }) => chosen.has(id)));
    }
    const tell = ({ id, number, created, drive }: (typeof all)[number]) => {
      return { drive: drive.label, point: number, id, created };
    };
    return {
      dryRun,
      forgotten: all.filter(({ id }) => chosen.has(id)).map(tell),
      kept: all.filter(({ id }) => !chosen.has(id)).map(tell),
    };
  });
}

function policyIn(flags: ForgetFlags): KeepPolicy | undefined {
  const { keepLast, keepDaily, keepWeekly, keepMonthly, point } = flags;
  const policy = { last: keepLast, daily: keepDaily, weekly: keepWeekly, monthly: keepMonthly };
  const isPolicy = Object.values(policy).some((value) => value !== undefined);
  if (isPolicy !== (point !== undefined && point.length > 0)) return isPolicy ? policy : undefined;
  const text = isPolicy
    ? 'a policy and --point say in two ways what goes'
    : 'nothing says which restore points go';
  throw new TidemarkError('USAGE', text, { hint: 'give --keep-last and the like, or --point' });
}

function choose(
  root: Root,
  { point = [], driveId }: ForgetFlags,
  policy: KeepPolicy | undefined,
  where: string,
): ReadonlySet<string> {
  if (policy === undefined) {
    return new Set(
      point.map((each) => choosePoint(root, { point: each, drive: driveId }, where).id),
    );
  }
  const drives = chooseDrives(root, driveId, where);
  return new Set(
    drives.flatMap(({ points }) => applyPolicy(points, policy).forgotten.map(({ id }) => id)),
  );
}
