import { DirtyBitmap } from '../dirty-bitmap.ts';
import type { BitmapBackend, DirectoryEntry } from '../backend.ts';
import { bitmapState } from './bitmap-state.ts';
import type { DirectoryDraft } from './directory-draft.ts';
import type { Refusals } from './refusals.ts';

export interface ResizeRules {
  /** Bytes. */
  readonly diskSize: number;
  readonly backend: BitmapBackend;
  /** Of live bitmaps, in the new size. */
  readonly live: ReadonlyMap<string, DirtyBitmap>;
  /** See `ResizeStoreOptions`. */
  readonly isUndo: boolean;
  readonly refusals: Refusals;
}

/** Gives every bitmap of the draft content of the new size, if it is another one. */
export async function planResize(draft: DirectoryDraft, rules: ResizeRules): Promise<void> {
  const { diskSize, backend, refusals, isUndo } = rules;
  if (diskSize === backend.diskSize) return;
  if (backend.resizing === undefined) throw refusals.fixedSize();
  if (!Number.isSafeInteger(diskSize) || diskSize < 0) throw refusals.noSize(diskSize);
  const keepsCheckpoints = isUndo || diskSize > backend.diskSize;
  const entries = [...draft.entries.values()];
  // Before any bits are read: what is refused should cost nothing.
  for (const entry of entries) assertUsable(draft, entry, refusals);
  for (const { checkpoint, ...entry } of entries) {
    const { name } = entry;
    const isKept = keepsCheckpoints && checkpoint !== undefined;
    const next = { ...entry, ...(isKept && { checkpoint }) };
    if (draft.live.has(name)) draft.put(next, liveContent(entry, rules), 'live');
    else if (draft.acquired.has(name)) {
      // What a store holds of a bitmap in use is worth nothing until its holder stores it.
      draft.put(next, new DirtyBitmap(diskSize, entry.granularity), 'acquired');
    } else {
      const content = await backend.readContent(entry);
      content.resize(diskSize, { grown: 'dirty' });
      draft.put(next, content, 'stored');
    }
  }
  backend.resizing.check?.(diskSize);
  draft.diskSize = diskSize;
}

function liveContent({ name, granularity }: DirectoryEntry, rules: ResizeRules): DirtyBitmap {
  const { live, diskSize, refusals } = rules;
  const content = live.get(name);
  if (content === undefined || content.granularity !== granularity) {
    throw refusals.noLiveContent(name);
  }
  if (content.diskSize !== diskSize) throw refusals.otherSize(name, content.diskSize, diskSize);
  return content;
}

function assertUsable(draft: DirectoryDraft, entry: DirectoryEntry, refusals: Refusals): void {
  const refusal = refusals.ofState(entry, bitmapState(entry, draft.acquired));
  if (refusal !== undefined) throw refusal;
}
