import { type BrokenStore, brokenBackend, brokenStore } from './broken-store.ts';

/** Faults in what a store keeps of a bitmap's checkpoint. */
export const BROKEN_CHECKPOINTS: readonly BrokenStore[] = [
  brokenBackend(
    'keeps no checkpoints',
    'are kept with the bitmap, durably, and of each bitmap its own',
    ({ sound }) => ({
      replaceDirectory: (entries, contents) =>
        sound.replaceDirectory(
          entries.map(({ checkpoint: _, ...entry }) => entry),
          contents,
        ),
    }),
  ),
  brokenBackend(
    'gives a bitmap the checkpoint of the one before it',
    'are kept with the bitmap, durably, and of each bitmap its own',
    ({ sound }) => ({
      async readDirectory() {
        const entries = await sound.readDirectory();
        return entries.map((entry, index) => {
          const checkpoint = entry.checkpoint ?? entries[index - 1]?.checkpoint;
          return { ...entry, ...(checkpoint !== undefined && { checkpoint }) };
        });
      },
    }),
  ),
  brokenStore(
    'forgets a checkpoint when content is stored',
    'stay while the bitmap is used and stored, whatever becomes of others',
    ({ sound }) => ({
      commit: async (changes) =>
        sound.commit(
          changes.map((change) =>
            change.op === 'store' ? { ...change, checkpoint: change.checkpoint ?? null } : change,
          ),
        ),
    }),
  ),
  brokenStore(
    'makes every bitmap without a checkpoint',
    'are given to a bitmap with its first content',
    ({ sound }) => ({
      commit: async (changes) =>
        sound.commit(
          changes.map((change) =>
            change.op === 'create' ? { ...change, checkpoint: null } : change,
          ),
        ),
    }),
  ),
  brokenStore('never takes a checkpoint away', 'are replaced, and taken away', ({ sound }) => ({
    commit: async (changes) =>
      sound.commit(
        changes.map((change) => {
          if (change.op !== 'store' || change.checkpoint !== null) return change;
          const { checkpoint: _, ...kept } = change;
          return kept;
        }),
      ),
  })),
  brokenStore('takes anything for a checkpoint', 'are 32 hexadecimal digits', ({ sound }) => ({
    commit: async (changes) =>
      sound.commit(
        changes.map((change) =>
          change.op === 'store' && typeof change.checkpoint === 'string'
            ? {
                ...change,
                checkpoint: change.checkpoint.padEnd(32, '0').slice(0, 32).toLowerCase(),
              }
            : change,
        ),
      ),
  })),
];
