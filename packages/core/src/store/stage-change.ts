import type { BitmapBackend, DirectoryEntry, ReplaceDirectoryOptions } from '../backend.ts';
import type { PreparedCommit } from '../store.ts';
import { unchanging } from '../unchanged.ts';
import type { DirectoryDraft } from './directory-draft.ts';
import type { LiveSet } from './live-set.ts';

export interface ChangeToStage {
  readonly draft: DirectoryDraft;
  readonly backend: BitmapBackend;
  /** Absent where no bitmap can be live. */
  readonly live: LiveSet | undefined;
  /** Does as much as can be done before the commit, durably, and not all of it in the commit. */
  readonly ahead: boolean;
}

/** A draft that only has to be put in place. */
export interface StagedChange extends PreparedCommit {
  readonly draft: DirectoryDraft;
  /** As they are going to be. */
  readonly entries: readonly DirectoryEntry[];
}

/** From here on, bits of live bitmaps that are changed or given up are refused, until an abort. */
export async function stageChange(change: ChangeToStage): Promise<StagedChange> {
  const { draft, backend, live, ahead } = change;
  const restoreLive = live?.keepOnly(draft.keptLive);
  const entries = [...draft.entries.values()];
  const restoring = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      restoreLive?.();
      throw error;
    }
  };
  // Bits of what is given up have to be in place before their place is given up as well.
  await live?.drain();
  const told = entries.map((entry) =>
    draft.live.has(entry.name) ? { ...entry, live: true } : entry,
  );
  const step =
    ahead && draft.isChange
      ? await restoring(async () => unchanging(async () => makeReady(backend, told, draft)))
      : undefined;
  return {
    draft,
    entries,
    commit: () => restoring(async () => (step ? step.commit() : write(backend, told, draft))),
    async abort() {
      restoreLive?.();
      await step?.abort();
    },
  };
}

async function makeReady(
  backend: BitmapBackend,
  entries: readonly DirectoryEntry[],
  { contents, merges }: DirectoryDraft,
): Promise<PreparedCommit | undefined> {
  return backend.prepareDirectory?.(entries, contents, mergesIn(merges));
}

async function write(
  backend: BitmapBackend,
  entries: readonly DirectoryEntry[],
  { isChange, contents, merges, diskSize }: DirectoryDraft,
): Promise<void> {
  const options = { ...mergesIn(merges), ...(diskSize !== undefined && { diskSize }) };
  if (isChange) return backend.replaceDirectory(entries, contents, options);
  // What was read may be in the system's cache only, since a crash of the one before us, and so
  // may the last bits of what is live no longer.
  await unchanging(async () => backend.live?.sync());
}

function mergesIn(merges: DirectoryDraft['merges']): Pick<ReplaceDirectoryOptions, 'merges'> {
  return merges.size === 0 ? {} : { merges };
}
