import type { DirtyBitmap } from '../../src/dirty-bitmap.ts';
import { TidemarkError } from '../../src/errors.ts';
import { directLive } from './broken-live.ts';
import { type BrokenStore, brokenLiveBackend, brokenLiveStore } from './broken-store.ts';
import { cacheBits, type LiveDisk, soundLive } from './sound-live-store.ts';
import { overriding } from './sound-store.ts';

/** How bits are put in place. */
type WriteBits = (disk: LiveDisk, name: string, bytes: Uint8Array, at: number) => void;

function writing(fault: string, caughtBy: string, write: WriteBits): BrokenStore {
  return brokenLiveBackend(fault, caughtBy, ({ disk }) => ({
    live: overriding(soundLive(disk), {
      openBits: async (name) => ({
        write: async (bytes, at) => write(disk, name, bytes, at),
      }),
    }),
  }));
}

/** Faults in writing the bits of live bitmaps, and in what becomes of them. */
export const BROKEN_LIVE_BITS: readonly BrokenStore[] = [
  writing(
    'forgets bits that were written',
    'leaves through a crash the bits that were written and synced, and no others',
    () => {},
  ),
  writing(
    'clears the bits around those that are written',
    'leaves through a crash the bits that were written and synced, and no others',
    (disk, name, bytes, at) => {
      const all = new Uint8Array(4 * 512);
      all.set(bytes, at);
      cacheBits(disk, { name, bytes: all, at: 0 });
    },
  ),
  brokenLiveBackend(
    'does not sync',
    'leaves through a crash the bits that were written and synced, and no others',
    ({ disk }) => ({ live: overriding(soundLive(disk), { sync: async () => {} }) }),
  ),
  writing(
    'tears sectors',
    'leaves through a crash of bits that were not synced whole sectors, old or new',
    (disk, name, bytes, at) => cacheBits(disk, { name, bytes, at }, 256),
  ),
  brokenLiveStore(
    'takes bits that are not whole sectors',
    'refuses bits that are not whole sectors of the bitmap',
    ({ sound, disk }) => ({ live: sound.live && directLive(disk) }),
  ),
  brokenLiveStore(
    'puts back what it handed out when it is closed',
    'leaves the bits that were written when it is closed without a release',
    ({ sound, disk }) => {
      const handedOut = new Map<string, DirtyBitmap>();
      return {
        async acquire(names, options) {
          const taken = await sound.acquire(names, options);
          if (options?.live === true) for (const entry of taken) handedOut.set(...entry);
          return taken;
        },
        async close() {
          await sound.close();
          for (const entry of handedOut) disk.contents.set(...entry);
        },
      };
    },
  ),
  brokenLiveStore(
    'drops bits that wait when it is closed',
    'finishes the bits and the syncs that came before close',
    ({ sound }) => {
      let isClosed = false;
      const live =
        sound.live &&
        overriding(sound.live, {
          bits(name) {
            const bits = sound.live!.bits(name);
            return {
              async write(bytes, at) {
                await Promise.resolve();
                if (isClosed) throw new TidemarkError('STORE_CLOSED', 'it is closed');
                await bits.write(bytes, at);
              },
            };
          },
        });
      return {
        live,
        async close() {
          isClosed = true;
          await sound.close();
        },
      };
    },
  ),
  brokenLiveStore(
    'takes bits after it was closed',
    'refuses bits and syncs once it is closed',
    ({ sound, disk }) => ({ live: sound.live && directLive(disk) }),
  ),
  brokenLiveStore(
    'writes bits over content that came after them',
    'refuses bits of content that was replaced, and takes them when it is asked again',
    ({ sound, disk }) => ({ live: sound.live && directLive(disk) }),
  ),
  brokenLiveStore(
    'takes bits of what is live no longer',
    'refuses bits of what was stored, released or removed',
    ({ sound, disk }) => ({ live: sound.live && directLive(disk) }),
  ),
  brokenLiveBackend(
    'syncs bits only once',
    'makes bits durable when it releases a bitmap, synced or not',
    ({ disk }) => {
      const live = soundLive(disk);
      let isSynced = false;
      return {
        live: overriding(live, {
          async sync() {
            if (!isSynced) await live.sync();
            isSynced = true;
          },
        }),
      };
    },
  ),
];
