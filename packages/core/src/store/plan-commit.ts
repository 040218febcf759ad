import { DirtyBitmap } from '../dirty-bitmap.ts';
import { checkCheckpoint, checkBitmapName, MAX_BITMAPS } from '../limits.ts';
import type { BitmapBackend, DirectoryEntry } from '../backend.ts';
import type { BitmapChange } from '../bitmap-change.ts';
import { bitmapState } from './bitmap-state.ts';
import type { DirectoryDraft } from './directory-draft.ts';
import { assertAtRest } from './find-usable.ts';
import { planMerge, readMerges } from './plan-merge.ts';
import type { Refusals } from './refusals.ts';

/** What the changes of a commit are checked against. */
export interface CommitRules {
  readonly backend: BitmapBackend;
  readonly refusals: Refusals;
}

/** The caller may go on to change a bitmap that it has handed over. */
export function asTheyAreNow(changes: readonly BitmapChange[]): readonly BitmapChange[] {
  return changes.map((change) => {
    if ('content' in change) return { ...change, content: change.content.clone() };
    if (change.op !== 'merge') return change;
    const sources = change.sources.map((it) => (typeof it === 'string' ? it : it.clone()));
    return { ...change, sources };
  });
}

/** Makes the changes in the draft, in order, each on what those before it have left. */
export async function planCommit(
  draft: DirectoryDraft,
  changes: readonly BitmapChange[],
  rules: CommitRules,
): Promise<void> {
  for (const change of changes) await plan(draft, change, rules);
  if (rules.backend.canMerge !== true) await readMerges(draft, rules.backend);
  if (draft.entries.size > MAX_BITMAPS) throw rules.refusals.tooMany();
}

async function plan(
  draft: DirectoryDraft,
  change: BitmapChange,
  rules: CommitRules,
): Promise<void> {
  if (change.op === 'create') {
    checkBitmapName(change.name);
    if (draft.entries.has(change.name)) throw rules.refusals.exists(change.name);
    put(draft, { ...change, use: useOf(change.acquire) }, rules);
    return;
  }
  const present = draft.entries.get(change.name);
  if (present === undefined) throw rules.refusals.notFound(change.name);
  if (change.op === 'remove') draft.remove(change.name);
  else if (change.op === 'release') release(draft, present, rules);
  else if (change.op === 'store') {
    assertUsable(draft, present, rules);
    const { enabled = present.enabled, live = false, checkpoint = present.checkpoint } = change;
    put(draft, { ...change, enabled, checkpoint, use: useOf(live && 'live') }, rules);
  } else await changeAtRest(draft, { change, present }, rules);
}

interface ChangeAtRest {
  readonly change: Extract<BitmapChange, { op: 'clear' | 'switch' | 'merge' }>;
  readonly present: DirectoryEntry;
}

async function changeAtRest(
  draft: DirectoryDraft,
  { change, present }: ChangeAtRest,
  rules: CommitRules,
): Promise<void> {
  const { backend, refusals } = rules;
  const { name, granularity, enabled } = present;
  assertAtRest(present, { acquired: draft.acquired, refusals });
  if (change.op === 'merge') return planMerge(draft, { entry: present, ...change }, rules);
  if (change.op === 'switch') {
    const { checkpoint: _, ...others } = present;
    return draft.use({ ...others, enabled: change.enabled }, 'stored');
  }
  const content = new DirtyBitmap(backend.diskSize, granularity);
  put(draft, { name, enabled, content, checkpoint: change.checkpoint, use: 'stored' }, rules);
}

type Put = Pick<Extract<BitmapChange, { op: 'create' }>, 'name' | 'enabled' | 'content'> & {
  readonly use: 'stored' | 'acquired' | 'live';
  readonly checkpoint?: string | null | undefined;
};

function put(draft: DirectoryDraft, given: Put, rules: CommitRules): void {
  const { name, enabled, content, use, checkpoint } = given;
  const { refusals } = rules;
  const { diskSize, live } = rules.backend;
  if (content.diskSize !== diskSize) throw refusals.otherSize(name, content.diskSize, diskSize);
  if (use === 'live' && live === undefined) throw refusals.noLive();
  const inUse = use === 'live' ? live!.inUse : use === 'acquired';
  const entry = { name, granularity: content.granularity, enabled, inUse };
  const isKnown = checkpoint !== undefined && checkpoint !== null;
  if (isKnown) checkCheckpoint(checkpoint);
  draft.put({ ...entry, ...(isKnown && { checkpoint }) }, content, use);
}

function release(draft: DirectoryDraft, entry: DirectoryEntry, rules: CommitRules): void {
  const { refusals } = rules;
  assertUsable(draft, entry, rules);
  if (!draft.live.has(entry.name)) throw refusals.notLive(entry.name);
  // What it holds is the truth now.
  const { recovered: _, ...closed } = entry;
  draft.use({ ...closed, inUse: false }, 'stored');
}

function useOf(acquire: boolean | 'live' | undefined): Put['use'] {
  if (acquire === 'live') return 'live';
  return acquire === true ? 'acquired' : 'stored';
}

function assertUsable(draft: DirectoryDraft, entry: DirectoryEntry, { refusals }: CommitRules) {
  const refusal = refusals.ofState(entry, bitmapState(entry, draft.acquired));
  if (refusal !== undefined) throw refusal;
}
