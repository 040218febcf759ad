import { TidemarkError } from '@tidemark/core';
import type { Root, RootDrive, RootPoint } from '../format/root.ts';
import type { Repository } from '../repository.ts';

/** How many points of each drive stay. The newest of a day, a week (from Monday) and a month, in UTC. */
export interface KeepPolicy {
  readonly last?: number | undefined;
  readonly daily?: number | undefined;
  readonly weekly?: number | undefined;
  readonly monthly?: number | undefined;
}

/** A point that a policy keeps. */
export interface KeptPoint extends RootPoint {
  /** Why it stays: `last`, `daily`, `weekly`, `monthly`. */
  readonly reasons: readonly string[];
}

/** What `applyPolicy` says of the points of a drive. */
export interface Retention {
  readonly kept: readonly KeptPoint[];
  readonly forgotten: readonly RootPoint[];
}

type PeriodOf = (point: RootPoint) => string;

const DAY = 24 * 60 * 60 * 1000;

const PERIODS: readonly (readonly [keyof KeepPolicy, PeriodOf])[] = [
  ['last', ({ id }) => id],
  ['daily', ({ created }) => created.slice(0, 10)],
  ['weekly', ({ created }) => String(Math.floor((Date.parse(created) / DAY + 3) / 7))],
  ['monthly', ({ created }) => created.slice(0, 7)],
];

/**
 * What a policy leaves of a drive's points, oldest first. The newest one always stays: bitmaps began
 * there. @throws USAGE: the policy keeps nothing
 */
export function applyPolicy(points: readonly RootPoint[], policy: KeepPolicy): Retention {
  const rules = PERIODS.flatMap(([name, periodOf]) => {
    const count = policy[name] ?? 0;
    if (!Number.isSafeInteger(count) || count < 0) throw badCount(name, count);
    return count === 0 ? [] : [{ name, periodOf, left: count, seen: new Set<string>() }];
  });
  if (rules.length === 0) throw keepsNothing();
  const kept: KeptPoint[] = [];
  const forgotten: RootPoint[] = [];
  for (const point of points.toReversed()) {
    const reasons: string[] = [];
    for (const rule of rules) {
      const period = rule.periodOf(point);
      if (rule.left === 0 || rule.seen.has(period)) continue;
      rule.seen.add(period);
      rule.left -= 1;
      reasons.push(rule.name);
    }
    if (reasons.length > 0 || point === points.at(-1)) kept.unshift({ ...point, reasons });
    else forgotten.unshift(point);
  }
  return { kept, forgotten };
}

/**
 * Lets the root name some points no more. A point has its whole drive in its own map, so none of the
 * others needs one that goes. Space comes back with a prune.
 */
export async function forgetPoints(
  repository: Repository,
  choose: (drive: RootDrive) => readonly RootPoint[],
): Promise<readonly RootPoint[]> {
  let gone: RootPoint[] = [];
  await repository.changeRoot((root) => {
    gone = [];
    const drives = root.drives.map((drive) => {
      const ids = new Set(choose(drive).map(({ id }) => id));
      gone.push(...drive.points.filter(({ id }) => ids.has(id)));
      return { ...drive, points: drive.points.filter(({ id }) => !ids.has(id)) };
    });
    return gone.length === 0 ? root : ({ ...root, drives } satisfies Root);
  });
  return gone;
}

function badCount(name: string, count: number): TidemarkError {
  return new TidemarkError('USAGE', `--keep-${name} cannot be ${count}`, {
    hint: 'give a whole number',
  });
}

function keepsNothing(): TidemarkError {
  const hint = 'say what stays, for example --keep-last 7';
  return new TidemarkError('USAGE', 'a policy that keeps nothing is none', { hint });
}
