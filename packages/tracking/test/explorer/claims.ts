import type { BitmapAction } from '../../src/index.ts';

/** What each granule holds, by its number; zero where nothing is said. */
export type Picture = ReadonlyMap<number, number>;

/** What is owed to the user of a bitmap. */
interface Claim {
  readonly enabled: boolean;
  /** What the disk held, durably, when the bitmap began: the backup that it goes with. */
  readonly since: Picture;
  /** Granules that have to be dirty whatever the disk holds. */
  readonly must: ReadonlySet<number>;
}

/** A rescan against what the drive held at some time. */
interface RescanStep {
  readonly op: 'rescan';
  readonly name: string;
  readonly point: Picture;
}

/** The drive gets another size. Granules. */
interface ResizeStep {
  readonly op: 'resize';
  readonly from: number;
  readonly to: number;
}

export type ExplorerAction = BitmapAction | RescanStep | ResizeStep;

export type Claims = ReadonlyMap<string, Claim>;

/** The moment of a transaction. */
export interface Instant {
  /** All that has come to the disk. */
  readonly picture: Picture;
  /** The same when the transaction was asked for. */
  readonly earlier: Picture;
  /** Granules of writes that were under way. */
  readonly underWay: ReadonlySet<number>;
}

/** What is owed after a transaction. */
export function claimsAfter(
  before: Claims,
  actions: readonly ExplorerAction[],
  instant: Instant,
): Claims {
  const claims = new Map(before);
  for (const action of actions) {
    if (action.op === 'abort') throw new Error('the explorer aborts nothing');
    if (action.op === 'rescan') {
      claims.set(action.name, { enabled: true, since: action.point, must: new Set() });
    } else if (action.op === 'resize') grow(claims, action);
    else if (action.op === 'add') claims.set(action.name, begun(instant, !action.disabled));
    else if (action.op === 'remove') claims.delete(action.name);
    else if (action.op === 'clear') {
      claims.set(action.name, begun(instant, claims.get(action.name)!.enabled));
    } else if (action.op === 'merge') merge(claims, action, instant);
    else if (claims.get(action.name)!.enabled !== (action.op === 'enable')) {
      const enabled = action.op === 'enable';
      claims.set(action.name, { ...begun(instant, enabled), must: keptMust(claims, action.name) });
    }
  }
  return claims;
}

function begun({ picture, underWay }: Instant, enabled: boolean): Claim {
  return { enabled, since: picture, must: enabled ? underWay : new Set() };
}

/** A bitmap that is switched on or off keeps its bits. */
function keptMust(claims: Claims, name: string): ReadonlySet<number> {
  return claims.get(name)!.must;
}

/** What is added has to be dirty, whatever it holds. What is cut off is owed when it is added again. */
function grow(claims: Map<string, Claim>, { from, to }: ResizeStep): void {
  const added = Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
  for (const [name, claim] of claims) {
    claims.set(name, { ...claim, must: new Set([...claim.must, ...added]) });
  }
}

/** What a source has to call dirty now, its target has to call dirty from now on. */
function merge(
  claims: Map<string, Claim>,
  { target, sources }: Extract<BitmapAction, { op: 'merge' }>,
  { earlier }: Instant,
): void {
  for (const source of sources) {
    const { since, must, enabled } = claims.get(source as string)!;
    const changed = [...earlier].filter(([g, value]) => enabled && value !== (since.get(g) ?? 0));
    const old = claims.get(target)!;
    const all = new Set([...old.must, ...must, ...changed.map(([granule]) => granule)]);
    claims.set(target, { ...old, must: all });
  }
}

/** A bitmap of a disk after a crash. */
export interface FoundBitmap {
  readonly state: string;
  readonly enabled: boolean;
  /** Nothing is owed behind the end. */
  isDirty(granule: number): boolean;
}

/**
 * What is wrong with bitmaps that are found on a disk that holds `picture`. `losesIdle`: where none
 * records, none has to be trusted. `losesAll`: they need not be there.
 */
export function broken(
  claims: Claims,
  found: ReadonlyMap<string, FoundBitmap>,
  picture: Picture,
  { losesIdle, losesAll }: { readonly losesIdle: boolean; readonly losesAll: boolean },
): readonly string[] {
  const problems: string[] = [];
  const mayBeLost = losesIdle && [...claims.values()].every(({ enabled }) => !enabled);
  for (const name of found.keys()) if (!claims.has(name)) problems.push(`${name} was removed`);
  for (const [name, { enabled, since, must }] of claims) {
    const bitmap = found.get(name);
    if (bitmap === undefined && losesAll) continue;
    else if (bitmap === undefined) problems.push(`${name} is lost`);
    else if (mayBeLost && bitmap.state === 'inconsistent') continue;
    else if (bitmap.state !== 'stored') problems.push(`${name} is ${bitmap.state}`);
    else if (bitmap.enabled !== enabled) problems.push(`${name} has its old flag`);
    else {
      const stale = [...must].filter((granule) => !bitmap.isDirty(granule));
      if (enabled) {
        for (const [granule, value] of picture) {
          if (value !== (since.get(granule) ?? 0) && !bitmap.isDirty(granule)) stale.push(granule);
        }
      }
      if (stale.length > 0) problems.push(`${name} is stale at ${stale.join(' ')}`);
    }
  }
  return problems;
}
