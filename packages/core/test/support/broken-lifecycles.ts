import { TidemarkError } from '../../src/errors.ts';
import { type BrokenStore, brokenStore } from './broken-store.ts';

/** Faults in opening for reading, closing, and calls that come at once. */
export const BROKEN_LIFECYCLES: readonly BrokenStore[] = [
  brokenStore(
    'drops changes without a word when it is open for reading',
    'refuses every change when it is open for reading',
    ({ sound, writable }) => ({
      async commit(changes) {
        if (writable) await sound.commit(changes);
      },
    }),
  ),
  brokenStore('goes on after close', 'refuses every call once it is closed', () => ({
    close: async () => {},
  })),
  brokenStore(
    'fails when it is closed twice',
    'can be closed again without harm, also by dispose',
    ({ sound }) => {
      let isClosed = false;
      return {
        async close() {
          if (isClosed) throw new TidemarkError('STORE_CLOSED', 'it is closed');
          isClosed = true;
          await sound.close();
        },
      };
    },
  ),
  brokenStore('does nothing on dispose', 'is closed by dispose', () => ({
    [Symbol.asyncDispose]: async () => {},
  })),
  brokenStore(
    'reads ahead of the commits before it',
    'answers calls that are made at once in their order',
    ({ sound, disk }) => ({
      load: async (name) => disk.contents.get(name)?.clone() ?? sound.load(name),
    }),
  ),
  brokenStore(
    'gives one bitmap to two who want it at once',
    'gives a bitmap that is wanted twice at once to one of the two',
    ({ sound }) => {
      let pending: ReturnType<typeof sound.acquire> | undefined;
      return {
        async acquire(names) {
          pending ??= sound.acquire(names);
          const taken = pending;
          await taken.finally(() => (pending = undefined));
          return taken;
        },
      };
    },
  ),
  brokenStore(
    'ends at the first call that it refuses',
    'goes on after a call that was refused',
    ({ sound }) => {
      let failure: unknown;
      return {
        async commit(changes) {
          if (failure !== undefined) throw failure;
          await sound.commit(changes).catch((error: unknown) => {
            failure = error;
            throw error;
          });
          if (failure !== undefined) throw failure;
        },
      };
    },
  ),
  brokenStore(
    'drops calls that wait when it is closed',
    'finishes the calls that came before close',
    ({ sound }) => {
      let isClosed = false;
      return {
        async commit(changes) {
          await Promise.resolve();
          if (isClosed) throw new TidemarkError('STORE_CLOSED', 'it is closed');
          await sound.commit(changes);
        },
        async close() {
          isClosed = true;
          await sound.close();
        },
      };
    },
  ),
];
