import { createBitmapStore } from '../../src/create-bitmap-store.ts';
import { TidemarkError } from '../../src/errors.ts';
import type { BitmapChange } from '../../src/bitmap-change.ts';
import { type BrokenStore, brokenBackend, brokenStore } from './broken-store.ts';
import { soundBackend } from './sound-store.ts';

const isCode = (error: unknown, code: string): boolean =>
  error instanceof TidemarkError && error.code === code;

/** Faults in commit: in what it refuses, in all or none, in what is durable. */
export const BROKEN_COMMITS: readonly BrokenStore[] = [
  ...[
    'to create what exists',
    'to store what does not exist',
    'to remove what does not exist',
    'content of a smaller disk',
    'content of a larger disk',
  ].map((what) =>
    brokenStore(
      `makes changes one by one, until it has to refuse ${what}`,
      `refuses ${what}, and the changes before it with it`,
      ({ sound }) => ({
        async commit(changes) {
          for (const change of changes) await sound.commit([change]);
        },
      }),
    ),
  ),
  brokenStore(
    'makes content fit that is of another disk',
    'refuses content of a smaller disk, and the changes before it with it',
    ({ sound }) => ({
      async commit(changes) {
        for (const change of changes) {
          if ('content' in change) change.content.resize(sound.diskSize, { grown: 'clean' });
        }
        await sound.commit(changes);
      },
    }),
  ),
  brokenStore(
    'overwrites what exists',
    'refuses to create what exists, and the changes before it with it',
    ({ sound }) => ({
      async commit(changes) {
        const names = new Set((await sound.list()).map(({ name }) => name));
        const overwriting = changes.map((change): BitmapChange => {
          return change.op === 'create' && names.has(change.name)
            ? { op: 'store', name: change.name, content: change.content }
            : change;
        });
        await sound.commit(overwriting);
      },
    }),
  ),
  brokenStore(
    'lets go of acquired bitmaps even when it refuses',
    'leaves an acquired bitmap acquired when it is refused',
    ({ sound }) => ({
      async commit(changes) {
        await sound.commit(changes).catch(async (error: unknown) => {
          const stored = changes.filter(({ op }) => op === 'store');
          await sound.commit(stored).catch(() => {});
          throw error;
        });
      },
    }),
  ),
  brokenBackend(
    'writes what it was told when it is closed',
    'is durable once it resolves',
    ({ disk, writable }) => {
      const memory = { ...disk };
      return {
        ...soundBackend(memory, writable),
        async close() {
          disk.entries = memory.entries;
          disk.contents = memory.contents;
        },
      };
    },
  ),
  brokenStore('makes its changes in reverse', 'makes its changes in order', ({ sound }) => ({
    commit: (changes) => sound.commit(changes.toReversed()),
  })),
  brokenStore(
    'refuses to change nothing',
    'does nothing when there is nothing to change',
    ({ sound }) => ({
      async commit(changes) {
        if (changes.length === 0) throw new TidemarkError('BITMAP_INVALID', 'nothing to do');
        await sound.commit(changes);
      },
    }),
  ),
  ...[
    'can create a bitmap that is in use from the start',
    'ends one bitmap and begins the next in one step',
  ].map((caughtBy) =>
    brokenStore(`does not mark a bitmap that it creates: ${caughtBy}`, caughtBy, ({ sound }) => ({
      commit: (changes) =>
        sound.commit(
          changes.map((change) =>
            change.op === 'create' ? { ...change, acquire: false } : change,
          ),
        ),
    })),
  ),
  brokenBackend(
    'leaves a bitmap marked that was created in use',
    'stores a bitmap that was in use from the start',
    ({ sound }) => {
      const created = new Set<string>();
      return {
        async replaceDirectory(entries, contents) {
          for (const { name, inUse } of entries) {
            if (inUse && contents.has(name)) created.add(name);
          }
          const next = entries.map((entry) => {
            return created.has(entry.name) ? { ...entry, inUse: true } : entry;
          });
          await sound.replaceDirectory(next, contents);
        },
      };
    },
  ),
  brokenStore(
    'serves a bitmap that missed writes',
    'are listed, and refused to whoever wants their content',
    ({ sound, disk }) => ({
      load: async (name) =>
        sound.load(name).catch((error: unknown) => {
          if (isCode(error, 'BITMAP_INCONSISTENT')) return disk.contents.get(name)!.clone();
          throw error;
        }),
    }),
  ),
  brokenStore(
    'makes a bitmap good that missed writes',
    'cannot be made good by storing content',
    ({ sound }) => ({
      commit: async (changes) =>
        sound.commit(changes).catch(async (error: unknown) => {
          if (!isCode(error, 'BITMAP_INCONSISTENT')) throw error;
          const removed = changes.map(({ name }): BitmapChange => ({ op: 'remove', name }));
          const made = changes.map((change) => ({ enabled: true, ...change, op: 'create' }));
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a store has content
          await sound.commit([...removed, ...(made as BitmapChange[])]);
        }),
    }),
  ),
  brokenBackend(
    'takes found in-use bits away with the next commit',
    'stay so, whatever is done with the others',
    ({ sound, disk }) => {
      const found = new Set(disk.entries.filter(({ inUse }) => inUse).map(({ name }) => name));
      return {
        replaceDirectory: (entries, contents) =>
          sound.replaceDirectory(
            entries.map((entry) => {
              return found.has(entry.name) ? { ...entry, inUse: false } : entry;
            }),
            contents,
          ),
      };
    },
  ),
  brokenStore('does not remove what missed writes', 'can be removed', ({ sound }) => ({
    async commit(changes) {
      const lost = (await sound.list()).filter(({ state }) => state === 'inconsistent');
      const names = new Set(lost.map(({ name }) => name));
      if (changes.some(({ op, name }) => op === 'remove' && names.has(name))) {
        throw new TidemarkError('BITMAP_INCONSISTENT', 'it missed writes');
      }
      await sound.commit(changes);
    },
  })),
  brokenStore(
    'checks names against the state before the commit',
    'can be replaced under their name in one commit',
    ({ sound }) => ({
      async commit(changes) {
        const names = new Set((await sound.list()).map(({ name }) => name));
        if (changes.some(({ op, name }) => op === 'create' && names.has(name))) {
          throw new TidemarkError('BITMAP_EXISTS', 'it exists');
        }
        await sound.commit(changes);
      },
    }),
  ),
  brokenStore(
    'has no turns: each commit reads the directory and writes it',
    'loses no change of commits that are made at once',
    ({ disk, writable }) => ({
      async commit(changes) {
        const own = await createBitmapStore(soundBackend(disk, writable));
        await own.commit(changes);
      },
    }),
  ),
];
