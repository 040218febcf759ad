import { DirtyBitmap } from '../../src/dirty-bitmap.ts';
import type { BitmapChange } from '../../src/bitmap-change.ts';
import type { BitmapStore, PreparedCommit } from '../../src/store.ts';
import { type BrokenStore, brokenBackend, brokenLiveStore, brokenStore } from './broken-store.ts';

const NOTHING: PreparedCommit = { commit: async () => {}, abort: async () => {} };

/** A store whose prepared commits are changed on their way out. */
function withPrepared(
  sound: BitmapStore,
  change: (prepared: PreparedCommit, changes: readonly BitmapChange[]) => Partial<PreparedCommit>,
): Partial<BitmapStore> {
  return {
    async prepare(changes) {
      const prepared = await sound.prepare(changes);
      return {
        commit: () => prepared.commit(),
        abort: () => prepared.abort(),
        ...change(prepared, changes),
      };
    },
  };
}

/** Faults in commits that are made in two halves. */
export const BROKEN_PREPARE: readonly BrokenStore[] = [
  brokenStore(
    'makes the changes when they are prepared',
    'changes nothing on disk by itself',
    ({ sound }) => ({
      async prepare(changes) {
        await sound.commit(changes);
        return NOTHING;
      },
    }),
  ),
  brokenBackend(
    'puts the new directory in place before the commit',
    'changes nothing on disk by itself',
    ({ sound }) => ({
      async prepareDirectory(entries, contents) {
        await sound.replaceDirectory(entries, contents);
        return NOTHING;
      },
    }),
  ),
  brokenStore(
    'forgets to make what was prepared',
    'makes its changes when it is committed, durably',
    ({ sound }) => withPrepared(sound, (prepared) => ({ commit: () => prepared.abort() })),
  ),
  brokenBackend(
    'puts nothing in place of what was prepared',
    'makes its changes when it is committed, durably',
    () => ({ prepareDirectory: async () => NOTHING }),
  ),
  brokenStore(
    'looks at what is to be changed when its turn comes',
    'takes content as it is when it is handed over',
    ({ sound }) => ({
      async prepare(changes) {
        await Promise.resolve();
        return sound.prepare(changes);
      },
    }),
  ),
  brokenStore(
    'checks nothing before the second half',
    'refuses what a commit would refuse, and what comes after it is done',
    ({ sound }) => ({
      prepare: async (changes) => ({ commit: () => sound.commit(changes), abort: async () => {} }),
    }),
  ),
  brokenStore(
    'makes what it was to give up',
    'leaves no trace of changes that are given up',
    ({ sound }) =>
      withPrepared(sound, (prepared) => ({ abort: () => prepared.commit().catch(() => {}) })),
  ),
  brokenStore(
    'makes what it has given up when it is asked once more',
    'leaves no trace of changes that are given up',
    ({ sound }) =>
      withPrepared(sound, (prepared, changes) => ({
        commit: () => prepared.commit().catch(() => sound.commit(changes)),
      })),
  ),
  brokenStore(
    'takes back what was made when it is given up afterwards',
    'cannot give up changes that were made',
    ({ sound }) =>
      withPrepared(sound, (prepared, changes) => ({
        async abort() {
          await prepared.abort();
          const names = new Set((await sound.list()).map(({ name }) => name));
          const lost = changes.filter(({ op, name }) => op === 'remove' && !names.has(name));
          const content = new DirtyBitmap(sound.diskSize, 65_536);
          const made = { op: 'create', enabled: true, content } as const;
          await sound.commit(lost.map(({ name }) => ({ ...made, name })));
        },
      })),
  ),
  ...['is given up by close', 'is given up by a close that comes before it is ready'].map(
    (caughtBy) =>
      brokenStore(`closes with changes that are not in place: ${caughtBy}`, caughtBy, () => ({
        prepare: async () => NOTHING,
      })),
  ),
  brokenStore(
    'lets other calls in between the halves',
    'keeps other calls waiting until it is over',
    ({ sound }) => ({
      async prepare(changes) {
        await (await sound.prepare(changes)).abort();
        return { commit: () => sound.commit(changes), abort: async () => {} };
      },
    }),
  ),
  brokenLiveStore(
    'lets no bits in between the halves',
    'takes the bits of live bitmaps between the halves of a commit, and none of what it changes',
    ({ sound }) => {
      let isHeld = false;
      const { live } = sound;
      return {
        live: live && {
          inUse: live.inUse,
          sync: () => live.sync(),
          bits(name) {
            const bits = live.bits(name);
            return {
              async write(bytes, at) {
                if (!isHeld) await bits.write(bytes, at);
              },
            };
          },
        },
        ...withPrepared(sound, (prepared) => {
          isHeld = true;
          return {
            async commit() {
              isHeld = false;
              await prepared.commit();
            },
          };
        }),
      };
    },
  ),
  brokenLiveStore(
    'refuses bits for good once a change was prepared',
    'takes the bits again of what it was going to change, once that is given up',
    ({ sound }) => {
      const refused = new Set<string>();
      const { live } = sound;
      return {
        live: live && {
          inUse: live.inUse,
          sync: () => live.sync(),
          bits(name) {
            const bits = live.bits(name);
            return {
              async write(bytes, at) {
                if (refused.has(name)) throw new RangeError('refused');
                await bits.write(bytes, at);
              },
            };
          },
        },
        async prepare(changes) {
          for (const { name } of changes) refused.add(name);
          return sound.prepare(changes);
        },
      };
    },
  ),
];
