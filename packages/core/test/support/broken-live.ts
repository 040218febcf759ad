import { createBitmapStore } from '../../src/create-bitmap-store.ts';
import { TidemarkError } from '../../src/errors.ts';
import type { LiveBitmaps } from '../../src/live.ts';
import type { BitmapChange } from '../../src/bitmap-change.ts';
import {
  type BrokenStore,
  brokenLiveBackend,
  brokenLiveStore,
  brokenStore,
  fixtureOf,
} from './broken-store.ts';
import { type LiveDisk, makeLiveDisk, openSoundLive, soundLive } from './sound-live-store.ts';
import { makeDisk, openSound, overriding, soundBackend } from './sound-store.ts';

const isCode = (error: unknown, code: string): boolean =>
  error instanceof TidemarkError && error.code === code;

/** Bitmaps of a disk that somebody took live and never gave back. */
const LEASES = new WeakMap<LiveDisk, Set<string>>();

/** Faults in what a store declares, and in taking bitmaps live. */
export const BROKEN_LIVE: readonly BrokenStore[] = [
  {
    fault: 'declares that a crash leaves a superset, and has no live bitmaps',
    caughtBy: 'has live bitmaps, and none for a reader',
    crashLeaves: 'superset',
    makeFixture: fixtureOf(makeDisk, openSound),
  },
  {
    fault: 'declares that a crash leaves bitmaps inconsistent, and has live ones',
    caughtBy: 'has no live bitmaps',
    crashLeaves: 'inconsistent',
    makeFixture: fixtureOf(makeLiveDisk, openSoundLive),
  },
  brokenStore(
    'takes bitmaps as it always does when they are wanted live',
    'refuses to make bitmaps live, and changes nothing',
    ({ sound }) => ({ acquire: (names) => sound.acquire(names) }),
  ),
  brokenLiveStore(
    'has live bitmaps for a reader, too',
    'has live bitmaps, and none for a reader',
    ({ disk, sound }) => ({ live: sound.live ?? directLive(disk) }),
  ),
  brokenLiveStore(
    'hands out empty bitmaps when they are wanted live',
    'hands out live bitmaps with what they hold, and lists them as in use',
    ({ sound }) => ({
      async acquire(names, options) {
        const taken = await sound.acquire(names, options);
        for (const content of taken.values()) content.clear();
        return taken;
      },
    }),
  ),
  brokenLiveStore(
    'shows what lies on disk of a live bitmap',
    'refuses a live bitmap to others, and its content too',
    ({ sound, disk }) => ({
      load: async (name) =>
        sound.load(name).catch((error: unknown) => {
          if (isCode(error, 'BITMAP_BUSY')) return disk.contents.get(name)!.clone();
          throw error;
        }),
    }),
  ),
  brokenLiveStore(
    'takes live bitmaps one by one',
    'takes all of the bitmaps live or none',
    ({ sound }) => ({
      async acquire(names, options) {
        const taken = new Map();
        for (const name of names) {
          taken.set(name, (await sound.acquire([name], options)).get(name)!);
        }
        return taken;
      },
    }),
  ),
  brokenLiveBackend(
    'vouches for whatever it finds in use',
    'takes nothing live that was left inconsistent',
    ({ disk }) => ({
      readDirectory: async () => disk.entries.map((entry) => ({ ...entry, inUse: false })),
    }),
  ),
  brokenLiveStore(
    'says that others find live bitmaps in use, where they do not',
    'flags live bitmaps for others as it declares, and no longer than they are live',
    ({ sound }) => ({ live: sound.live && overriding(sound.live, { inUse: true }) }),
  ),
  brokenLiveStore(
    'marks bitmaps in use, and says that they are live',
    'leaves through a crash what lay there when no bits were written',
    ({ sound, disk }) => ({ live: directLive(disk), acquire: (names) => sound.acquire(names) }),
  ),
  brokenLiveStore(
    'does not let a bitmap be live again after a crash',
    'lets a bitmap be live again after a crash, and be released then',
    ({ sound, disk }) => {
      const leased = LEASES.get(disk) ?? new Set<string>();
      LEASES.set(disk, leased);
      return {
        async acquire(names, options) {
          if (names.some((name) => leased.has(name))) {
            throw new TidemarkError('BITMAP_BUSY', 'somebody has it');
          }
          if (options?.live === true) for (const name of names) leased.add(name);
          return sound.acquire(names, options);
        },
      };
    },
  ),
  brokenLiveStore(
    'releases what is not live, too',
    'releases only what is live by the changes before it',
    ({ sound }) => ({
      commit: async (changes) =>
        sound.commit(changes).catch((error: unknown) => {
          const isRelease = changes.some(({ op }) => op === 'release');
          if (!isRelease || !isCode(error, 'BITMAP_INVALID')) throw error;
        }),
    }),
  ),
  brokenLiveStore(
    'releases a bitmap first where the same commit merges it',
    'refuses to merge what the same commit releases, whose bits may still be written',
    ({ sound }) => ({
      async commit(changes) {
        const isRelease = ({ op }: BitmapChange) => op === 'release';
        const released = changes.filter(isRelease);
        if (!changes.some(({ op }) => op === 'merge')) return sound.commit(changes);
        if (released.length > 0) await sound.commit(released);
        await sound.commit(changes.filter((change) => !isRelease(change)));
      },
    }),
  ),
  brokenLiveStore(
    'ends the use of live bitmaps even when it refuses',
    'leaves live bitmaps as they are when it refuses a commit',
    ({ sound }) => ({
      commit: async (changes) =>
        sound.commit(changes).catch(async (error: unknown) => {
          const ending = changes.filter(({ op }) => op === 'store' || op === 'release');
          await sound.commit(ending).catch(() => {});
          throw error;
        }),
    }),
  ),
  brokenLiveStore(
    'creates live bitmaps as bitmaps in use',
    'begins, renews and ends live bitmaps in one durable step',
    ({ sound }) => ({
      commit: (changes) =>
        sound.commit(
          changes.map((change): BitmapChange => {
            return change.op === 'create'
              ? { ...change, acquire: change.acquire !== false }
              : change;
          }),
        ),
    }),
  ),
  brokenLiveStore(
    'makes its changes one by one',
    'leaves live bitmaps as they are when it refuses a commit',
    ({ sound }) => ({
      async commit(changes) {
        for (const change of changes) await sound.commit([change]);
      },
    }),
  ),
  {
    fault: 'loses what is live when others are changed',
    caughtBy: 'takes the bits of live bitmaps while others are changed',
    crashLeaves: 'superset',
    makeFixture: fixtureOf(makeLiveDisk, async (disk, writable) =>
      createBitmapStore(
        overriding(soundBackend(disk, writable), {
          live: soundLive(disk),
          async replaceDirectory(entries, contents) {
            disk.cached = [];
            await soundBackend(disk, writable).replaceDirectory(entries, contents);
          },
        }),
      ),
    ),
  },
];

/** Bits that are written by name, whatever the state of the bitmap or of the store. */
export function directLive(disk: LiveDisk): LiveBitmaps {
  const live = soundLive(disk);
  return {
    inUse: live.inUse,
    sync: () => live.sync(),
    bits: (name) => ({
      write: async (bytes, at) => (await live.openBits(name)).write(bytes, at),
    }),
  };
}
