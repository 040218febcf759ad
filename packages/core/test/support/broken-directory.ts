import { TidemarkError } from '../../src/errors.ts';
import type { BitmapChange } from '../../src/bitmap-change.ts';
import type { BitmapInfo } from '../../src/bitmap-info.ts';
import { type BrokenStore, brokenBackend, brokenStore } from './broken-store.ts';

/** Faults in names, flags and order. */
export const BROKEN_DIRECTORY: readonly BrokenStore[] = [
  brokenStore('shows a bitmap that nobody made', 'starts empty', ({ sound }) => ({
    async list() {
      const found = await sound.list();
      return found.length > 0 ? found : [INVENTED];
    },
  })),
  brokenStore(
    'says that it can be changed when it cannot',
    'says what it is of, and whether it can be changed',
    () => ({ writable: true }),
  ),
  brokenBackend(
    'forgets that a bitmap was disabled',
    'lists what there is to know of each bitmap',
    ({ sound }) => ({
      replaceDirectory: (entries, contents) =>
        sound.replaceDirectory(
          entries.map((entry) => ({ ...entry, enabled: true })),
          contents,
        ),
    }),
  ),
  brokenBackend(
    'sorts bitmaps by name',
    'keeps bitmaps in the order in which they were made',
    ({ disk }) => ({
      readDirectory: async () => disk.entries.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    }),
  ),
  brokenStore(
    'enables a bitmap whenever it is stored',
    'changes the enabled flag when it is told to, and only then',
    ({ sound }) => ({
      commit: (changes) =>
        sound.commit(
          changes.map((change) =>
            change.op === 'store' ? { ...change, enabled: change.enabled ?? true } : change,
          ),
        ),
    }),
  ),
  brokenBackend(
    'does not write a directory without bitmaps',
    'is empty again once every bitmap was removed',
    ({ sound }) => ({
      async replaceDirectory(entries, contents) {
        if (entries.length > 0) await sound.replaceDirectory(entries, contents);
      },
    }),
  ),
  brokenBackend(
    'keeps names in one normal form of Unicode',
    'keeps every name that is possible, and tells them all apart',
    ({ disk }) => ({
      readDirectory: async () =>
        disk.entries.map((entry) => ({ ...entry, name: entry.name.normalize('NFC') })),
    }),
  ),
  brokenBackend(
    'cuts names at 255 bytes, as a file system does',
    'keeps every name that is possible, and tells them all apart',
    ({ disk }) => ({
      readDirectory: async () =>
        disk.entries.map((entry) => ({ ...entry, name: entry.name.slice(0, 255) })),
    }),
  ),
  ...[
    'an empty name',
    'a name of 1024 bytes',
    'a name of 1024 bytes in 256 characters',
    'a name with NUL in it',
    'a name that is no Unicode text',
  ].map((what) =>
    brokenStore(`mends a name that is not possible: ${what}`, `refuses ${what}`, ({ sound }) => ({
      commit: (changes) => sound.commit(changes.map(mended)),
    })),
  ),
  brokenStore(
    'looks bitmaps up without regard to case and spaces',
    'finds nothing under a name that only resembles one',
    ({ sound }) => ({ load: (name) => sound.load(name.trim().toLowerCase()) }),
  ),
  brokenStore(
    'removes what is not there without a word',
    'finds nothing under a name that only resembles one',
    ({ sound }) => ({
      async commit(changes) {
        try {
          await sound.commit(changes);
        } catch (error) {
          const isMissing = error instanceof TidemarkError && error.code === 'BITMAP_NOT_FOUND';
          if (!isMissing || changes.some(({ op }) => op !== 'remove')) throw error;
        }
      },
    }),
  ),
];

const INVENTED: BitmapInfo = {
  name: 'bitmap0',
  granularity: 65_536,
  enabled: true,
  state: 'stored',
};

function mended(change: BitmapChange): BitmapChange {
  const text = change.name.replaceAll('\0', '').toWellFormed() || 'unnamed';
  const bytes = new TextEncoder().encode(text).subarray(0, 1020);
  return { ...change, name: new TextDecoder().decode(bytes) };
}
