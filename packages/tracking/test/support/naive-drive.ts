import type { BitmapAction } from '../../src/index.ts';

/** What a bitmap has to be, by numbers of granules. */
interface NaiveBitmap {
  readonly persistent: boolean;
  readonly enabled: boolean;
  /** Dirty for certain. */
  readonly must: ReadonlySet<number>;
  /** Dirty, or perhaps: a write and a transaction overlapped, and either may have been first. */
  readonly may: ReadonlySet<number>;
}

/** The bitmaps of a drive by their names. */
export type NaiveDrive = ReadonlyMap<string, NaiveBitmap>;

export interface NaiveWrite {
  readonly granules: readonly number[];
}

/** The writes around a transaction. */
export interface Surroundings {
  /** Under way when it was asked for. */
  readonly early: ReadonlySet<NaiveWrite>;
  /** Begun while it was made. */
  readonly issued: ReadonlySet<NaiveWrite>;
  /** Of both, those still under way when it was done. */
  readonly late: ReadonlySet<NaiveWrite>;
}

/** With bitmaps that record, and in which nothing is dirty. */
export function cleanDrive(names: readonly string[]): NaiveDrive {
  const clean = {
    persistent: true,
    enabled: true,
    must: new Set<number>(),
    may: new Set<number>(),
  };
  return new Map(names.map((name) => [name, clean]));
}

export function mark(drive: NaiveDrive, { granules }: NaiveWrite): NaiveDrive {
  return mapBitmaps(drive, (bitmap) =>
    bitmap.enabled ? grown(bitmap, granules, granules) : bitmap,
  );
}

/** What does not outlive the process. */
export function withoutTransient(drive: NaiveDrive): NaiveDrive {
  return new Map([...drive].filter(([, { persistent }]) => persistent));
}

interface Draft {
  persistent: boolean;
  enabled: boolean;
  must: ReadonlySet<number>;
  may: ReadonlySet<number>;
  /** Recorded before, and its marks are still there. */
  continues: boolean;
  removing: boolean;
}

/** The drive after a transaction; undefined where the transaction has to be refused. */
export function transact(
  drive: NaiveDrive,
  actions: readonly BitmapAction[],
  { early, issued, late }: Surroundings,
): NaiveDrive | undefined {
  const drafts = new Map<string, Draft>();
  for (const [name, bitmap] of drive) {
    const may = bitmap.enabled ? union(bitmap.may, granulesOf(issued)) : bitmap.may;
    drafts.set(name, { ...bitmap, may, continues: bitmap.enabled, removing: false });
  }
  const around = {
    must: granulesOf([...early].filter((write) => late.has(write))),
    may: granulesOf([...early, ...issued]),
  };
  for (const action of actions) if (!act(drafts, action, around)) return undefined;

  const after = new Map<string, NaiveBitmap>();
  for (const [name, { removing, continues, ...bitmap }] of drafts) {
    if (removing) continue;
    const marked = granulesOf(continues ? [...late, ...issued] : late);
    after.set(name, bitmap.enabled ? grown(bitmap, marked, around.may) : bitmap);
  }
  return after;
}

type Marks = Pick<NaiveBitmap, 'must' | 'may'>;

/** False where it has to be refused. `around`: the marks of writes under way. */
function act(drafts: Map<string, Draft>, action: BitmapAction, around: Marks): boolean {
  if (action.op === 'abort') return false;
  if (action.op === 'add') {
    if (drafts.has(action.name)) return false;
    drafts.set(action.name, added(action));
    return true;
  }
  const draft = drafts.get(action.op === 'merge' ? action.target : action.name);
  if (draft === undefined || draft.removing) return false;
  if (action.op === 'merge') {
    return action.sources.every(
      (name) => typeof name === 'string' && merge(draft, drafts.get(name)),
    );
  }
  if (action.op === 'remove') draft.removing = true;
  else if (action.op === 'clear') {
    const none = { must: new Set<number>(), may: new Set<number>() };
    Object.assign(draft, draft.enabled ? around : none, { continues: false });
  } else draft.enabled = action.op === 'enable';
  return true;
}

function merge(target: Draft, source: Draft | undefined): boolean {
  if (source === undefined || source.removing) return false;
  target.must = union(target.must, source.must);
  target.may = union(target.may, source.may);
  return true;
}

function added({
  persistent = false,
  disabled = false,
}: {
  persistent?: boolean;
  disabled?: boolean;
}) {
  const none = new Set<number>();
  return {
    persistent,
    enabled: !disabled,
    must: none,
    may: none,
    continues: false,
    removing: false,
  };
}

function grown(bitmap: NaiveBitmap, must: Iterable<number>, may: Iterable<number>): NaiveBitmap {
  return { ...bitmap, must: union(bitmap.must, must), may: union(bitmap.may, must, may) };
}

function granulesOf(writes: Iterable<NaiveWrite>): ReadonlySet<number> {
  return new Set([...writes].flatMap(({ granules }) => granules));
}

function union(...sets: Iterable<number>[]): ReadonlySet<number> {
  return new Set(sets.flatMap((set) => [...set]));
}

function mapBitmaps(drive: NaiveDrive, change: (bitmap: NaiveBitmap) => NaiveBitmap): NaiveDrive {
  return new Map([...drive].map(([name, bitmap]) => [name, change(bitmap)]));
}
