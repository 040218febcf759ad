import type { BitmapChange } from '../../src/bitmap-change.ts';
import { isTidemarkError } from '../../src/errors.ts';
import { type BrokenStore, brokenBackend, brokenStore } from './broken-store.ts';

const changing = (
  fault: string,
  caughtBy: string,
  change: (each: BitmapChange) => readonly BitmapChange[],
): BrokenStore =>
  brokenStore(fault, caughtBy, ({ sound }) => ({
    commit: (changes) => sound.commit(changes.flatMap(change)),
  }));

const REFUSES = 'what is in use, or was when its user crashed';

/** Faults in changes of bitmaps that are not in use. */
export const BROKEN_AT_REST: readonly BrokenStore[] = [
  changing(
    'does not clear',
    'clears a bitmap, which keeps its flags and begins at another checkpoint',
    (change) => (change.op === 'clear' ? [] : [change]),
  ),
  brokenBackend(
    'keeps the checkpoint of what is switched',
    'switches a bitmap, whose bits stay and whose checkpoint goes',
    ({ sound }) => ({
      async replaceDirectory(entries, contents, options) {
        const before = await sound.readDirectory();
        const kept = entries.map((entry) => {
          const old = before.find(({ name }) => name === entry.name);
          return contents.has(entry.name) ? entry : { ...old, ...entry };
        });
        await sound.replaceDirectory(kept, contents, options);
      },
    }),
  ),
  changing(
    'merges one source alone',
    'merges bitmaps of any granularity, and contents, and leaves them as they are',
    (change) => {
      return change.op === 'merge'
        ? [{ ...change, sources: change.sources.slice(0, 1) }]
        : [change];
    },
  ),
  brokenBackend(
    'says that it can merge, and does not',
    'merges bitmaps of any granularity, and contents, and leaves them as they are',
    () => ({ canMerge: true }),
  ),
  brokenStore(
    'merges before all other changes',
    'merges bitmaps as the changes before it have left them',
    ({ sound }) => ({
      async commit(changes) {
        const isMerge = ({ op }: BitmapChange) => op === 'merge';
        const made = changes.filter(({ op }) => op === 'create');
        const others = changes.filter((change) => !isMerge(change) && change.op !== 'create');
        await sound.commit([...made, ...changes.filter(isMerge), ...others]);
      },
    }),
  ),
  brokenStore('removes first', 'merges what goes with the same commit', ({ sound }) => ({
    async commit(changes) {
      const isRemove = ({ op }: BitmapChange) => op === 'remove';
      await sound.commit(changes.filter(isRemove));
      await sound.commit(changes.filter((change) => !isRemove(change)));
    },
  })),
  brokenStore('prepares no merge', 'merges in a commit that is prepared, too', ({ sound }) => ({
    prepare: (changes) => sound.prepare(changes.filter(({ op }) => op !== 'merge')),
  })),
  ...['to clear', 'to switch', 'to merge into', 'to merge'].map((what) =>
    brokenStore(`does not refuse ${what}`, `refuses ${what} ${REFUSES}`, ({ sound }) => ({
      commit: async (changes) =>
        sound.commit(changes).catch((error: unknown) => {
          if (!isTidemarkError(error, 'BITMAP_BUSY')) throw error;
        }),
    })),
  ),
  brokenStore(
    'merges what is there, of whatever disk',
    'refuses to merge what is not there or of another disk, and changes nothing',
    ({ sound }) => ({
      async commit(changes) {
        const names = new Set((await sound.list()).map(({ name }) => name));
        const fit = changes.map((change): BitmapChange => {
          if (change.op !== 'merge') return change;
          const sources = change.sources.filter((it) => typeof it !== 'string' || names.has(it));
          return { ...change, sources };
        });
        await sound.commit(fit);
      },
    }),
  ),
];
