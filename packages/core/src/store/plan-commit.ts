import { checkCheckpoint, checkBitmapName, MAX_BITMAPS } from '../limits.ts';
import type { LiveBackend } from '../live.ts';
import type { DirectoryEntry } from '../backend.ts';
import type { BitmapChange } from '../bitmap-change.ts';
import { bitmapState } from './bitmap-state.ts';
import type { DirectoryDraft } from './directory-draft.ts';
import type { Refusals } from './refusals.ts';

/** What the changes of a commit are checked against. */
export interface CommitRules {
  /** Bytes. */
  readonly diskSize: number;
  /** Absent where no bitmap can be live. */
  readonly live: LiveBackend | undefined;
  readonly refusals: Refusals;
}

/** The caller may go on to change a bitmap that it has handed over. */
export function asTheyAreNow(changes: readonly BitmapChange[]): readonly BitmapChange[] {
  return changes.map((change) =>
    'content' in change ? { ...change, content: change.content.clone() } : change,
  );
}

/** Makes the changes in the draft, in order, each on what those before it have left. */
export function planCommit(
  draft: DirectoryDraft,
  changes: readonly BitmapChange[],
  rules: CommitRules,
): void {
  for (const change of changes) plan(draft, change, rules);
  if (draft.entries.size > MAX_BITMAPS) throw rules.refusals.tooMany();
}

function plan(draft: DirectoryDraft, change: BitmapChange, rules: CommitRules): void {
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
  else {
    assertUsable(draft, present, rules);
    const { enabled = present.enabled, live = false, checkpoint = present.checkpoint } = change;
    put(draft, { ...change, enabled, checkpoint, use: useOf(live && 'live') }, rules);
  }
}

type Put = Pick<Extract<BitmapChange, { op: 'create' }>, 'name' | 'enabled' | 'content'> & {
  readonly use: 'stored' | 'acquired' | 'live';
  readonly checkpoint?: string | null | undefined;
};

function put(draft: DirectoryDraft, given: Put, rules: CommitRules): void {
  const { name, enabled, content, use, checkpoint } = given;
  const { diskSize, live, refusals } = rules;
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
