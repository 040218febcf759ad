import { TidemarkError } from '../../src/errors.ts';
import type { DirectoryEntry } from '../../src/backend.ts';
import { type BrokenStore, brokenBackend, brokenStore } from './broken-store.ts';

const withInUse = (entries: readonly DirectoryEntry[], inUse: boolean): DirectoryEntry[] =>
  entries.map((entry) => ({ ...entry, inUse }));

const HIDDEN_MARKS = new WeakMap<object, Set<string>>();

/** Faults in acquire, and in what a crash leaves: those that make a stale bitmap look sound. */
export const BROKEN_STATES: readonly BrokenStore[] = [
  brokenStore(
    'hands out empty bitmaps',
    'hands out what the bitmaps hold, and marks them in use',
    ({ sound }) => ({
      async acquire(names) {
        const taken = await sound.acquire(names);
        for (const content of taken.values()) content.clear();
        return taken;
      },
    }),
  ),
  brokenStore(
    'loads the old content of a bitmap in use',
    'refuses a bitmap that is in use already',
    ({ sound, disk }) => ({
      load: async (name) =>
        sound.load(name).catch((error: unknown) => {
          const isBusy = error instanceof TidemarkError && error.code === 'BITMAP_BUSY';
          if (isBusy) return disk.contents.get(name)!.clone();
          throw error;
        }),
    }),
  ),
  brokenStore('takes bitmaps one by one', 'takes all of the bitmaps or none', ({ sound }) => ({
    async acquire(names) {
      const taken = new Map();
      for (const name of names) taken.set(name, (await sound.acquire([name])).get(name)!);
      return taken;
    },
  })),
  brokenStore(
    'takes every bitmap when none is named',
    'takes nothing when nothing is named',
    ({ sound, disk }) => ({
      acquire: (names) =>
        sound.acquire(names.length > 0 ? names : disk.entries.map(({ name }) => name)),
    }),
  ),
  brokenBackend(
    'remembers a name in use beyond its removal',
    'lets go of a bitmap when it is removed',
    ({ sound }) => {
      const used = new Set<string>();
      return {
        async replaceDirectory(entries, contents) {
          for (const { name, inUse } of entries) if (inUse) used.add(name);
          await sound.replaceDirectory(
            entries.map((entry) => ({ ...entry, inUse: used.has(entry.name) })),
            contents,
          );
        },
      };
    },
  ),
  brokenBackend(
    'forgets the in-use bit',
    'has marked bitmaps durably once it resolves, and no others',
    ({ sound }) => ({
      replaceDirectory: (entries, contents) =>
        sound.replaceDirectory(withInUse(entries, false), contents),
    }),
  ),
  brokenBackend(
    'marks all bitmaps when one is acquired',
    'has marked bitmaps durably once it resolves, and no others',
    ({ sound }) => ({
      replaceDirectory: (entries, contents) =>
        sound.replaceDirectory(
          entries.some(({ inUse }) => inUse) ? withInUse(entries, true) : entries,
          contents,
        ),
    }),
  ),
  brokenBackend(
    'keeps the in-use bit where only it can see it',
    'flags bitmaps for others while they are in use, and no longer',
    ({ sound, disk }) => {
      const hidden = HIDDEN_MARKS.get(disk) ?? new Set<string>();
      HIDDEN_MARKS.set(disk, hidden);
      return {
        readDirectory: async () =>
          disk.entries.map((entry) => ({ ...entry, inUse: hidden.has(entry.name) })),
        async replaceDirectory(entries, contents) {
          hidden.clear();
          for (const { name, inUse } of entries) if (inUse) hidden.add(name);
          await sound.replaceDirectory(withInUse(entries, false), contents);
        },
      };
    },
  ),
  brokenBackend(
    'marks all bitmaps from open to close, as QEMU does',
    'keeps bitmaps consistent through a crash when none was acquired',
    ({ sound, disk, writable }) => {
      let current = disk.entries;
      if (writable) disk.entries = withInUse(current, true);
      return {
        readDirectory: async () => current,
        async replaceDirectory(entries, contents) {
          current = entries;
          await sound.replaceDirectory(withInUse(entries, true), contents);
        },
        async close() {
          disk.entries = current;
        },
      };
    },
  ),
  brokenBackend(
    'never takes the in-use bit away',
    'ends when the bitmap is stored, durably',
    ({ sound, disk }) => ({
      async replaceDirectory(entries, contents) {
        const used = new Set(disk.entries.filter(({ inUse }) => inUse).map(({ name }) => name));
        const next = entries.map((entry) => {
          return used.has(entry.name) ? { ...entry, inUse: true } : entry;
        });
        await sound.replaceDirectory(next, contents);
      },
    }),
  ),
  brokenBackend(
    'marks a bitmap the first time only',
    'can be had again once it has ended',
    ({ sound }) => {
      const marked = new Map<string, number>();
      return {
        async replaceDirectory(entries, contents) {
          const next = entries.map((entry) => {
            const times = (marked.get(entry.name) ?? 0) + (entry.inUse ? 1 : 0);
            marked.set(entry.name, times);
            return times > 1 ? { ...entry, inUse: false } : entry;
          });
          await sound.replaceDirectory(next, contents);
        },
      };
    },
  ),
  brokenBackend(
    'takes all in-use bits away when one bitmap is stored',
    'goes on for one bitmap while others are stored',
    ({ sound }) => ({
      replaceDirectory: (entries, contents) =>
        sound.replaceDirectory(contents.size > 0 ? withInUse(entries, false) : entries, contents),
    }),
  ),
  brokenBackend(
    'takes the in-use bits away when it is closed',
    'leaves a bitmap inconsistent when the store is closed without it',
    ({ disk }) => ({
      async close() {
        disk.entries = withInUse(disk.entries, false);
      },
    }),
  ),
  brokenBackend(
    'shows a reader no in-use bit',
    'are shown to a reader too, who leaves them as they are',
    ({ disk, writable }) => ({
      readDirectory: async () => (writable ? disk.entries : withInUse(disk.entries, false)),
    }),
  ),
  brokenBackend(
    'leaves a mark of a reader until it is closed',
    'leaves no trace of a reader, not even of one that crashed',
    ({ disk, writable }) => {
      const found = disk.entries;
      if (!writable) disk.entries = withInUse(found, true);
      return {
        readDirectory: async () => found,
        async close() {
          if (!writable) disk.entries = found;
        },
      };
    },
  ),
];
