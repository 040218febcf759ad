import type { ContractOptions, MakeStoreFixture } from '../../src/contract/index.ts';
import { createBitmapStore } from '../../src/create-bitmap-store.ts';
import type { BitmapBackend } from '../../src/backend.ts';
import type { BitmapStore } from '../../src/store.ts';
import {
  type LiveDisk,
  losePower,
  makeLiveDisk,
  openSoundLive,
  soundLiveBackend,
} from './sound-live-store.ts';
import {
  makeDisk,
  namesInUse,
  openSound,
  overriding,
  type SoundDisk,
  soundBackend,
} from './sound-store.ts';

/** A store with one fault, and the case of the contract that has to notice. */
export interface BrokenStore extends ContractOptions {
  readonly fault: string;
  readonly caughtBy: string;
  readonly makeFixture: MakeStoreFixture;
}

/** What a fault is given to break. */
interface Opening<T, D> {
  readonly sound: T;
  readonly disk: D;
  readonly writable: boolean;
}

type Fault<T, D = SoundDisk> = (opening: Opening<T, D>) => Partial<T>;

/** A fault in the part that a plugin writes. */
export function brokenBackend(
  fault: string,
  caughtBy: string,
  breaking: Fault<BitmapBackend>,
): BrokenStore {
  return brokenBy(fault, caughtBy, async (disk, writable) => {
    const sound = soundBackend(disk, writable);
    return createBitmapStore(overriding(sound, breaking({ sound, disk, writable })));
  });
}

/** A fault in the part that is shared, for plugins that do without `createBitmapStore`. */
export function brokenStore(
  fault: string,
  caughtBy: string,
  breaking: Fault<BitmapStore>,
): BrokenStore {
  return brokenBy(fault, caughtBy, async (disk, writable) => {
    const sound = await openSound(disk, writable);
    return overriding(sound, breaking({ sound, disk, writable }));
  });
}

/** As `brokenBackend`, of a backend that can keep bitmaps valid while they are in use. */
export function brokenLiveBackend(
  fault: string,
  caughtBy: string,
  breaking: Fault<BitmapBackend, LiveDisk>,
): BrokenStore {
  return brokenLiveBy(fault, caughtBy, async (disk, writable) => {
    const sound = soundLiveBackend(disk, writable);
    return createBitmapStore(overriding(sound, breaking({ sound, disk, writable })));
  });
}

/** As `brokenStore`, of a store with live bitmaps. */
export function brokenLiveStore(
  fault: string,
  caughtBy: string,
  breaking: Fault<BitmapStore, LiveDisk>,
): BrokenStore {
  return brokenLiveBy(fault, caughtBy, async (disk, writable) => {
    const sound = await openSoundLive(disk, writable);
    return overriding(sound, breaking({ sound, disk, writable }));
  });
}

type Open<D> = (disk: D, writable: boolean) => Promise<BitmapStore>;

function brokenBy(fault: string, caughtBy: string, open: Open<SoundDisk>): BrokenStore {
  const makeFixture = fixtureOf(makeDisk, open);
  return { fault, caughtBy, crashLeaves: 'inconsistent', makeFixture };
}

function brokenLiveBy(fault: string, caughtBy: string, open: Open<LiveDisk>): BrokenStore {
  const makeFixture = fixtureOf(makeLiveDisk, open, losePower);
  return { fault, caughtBy, crashLeaves: 'superset', makeFixture };
}

/** Stores that are opened so on a disk of its own for each case. */
export function fixtureOf<D extends SoundDisk>(
  make: (diskSize: number) => D,
  open: Open<D>,
  crash: (disk: D) => void = () => {},
): MakeStoreFixture {
  return async (diskSize) => {
    const disk = make(diskSize);
    return {
      open: (options) => open(disk, options?.writable ?? true),
      crash: async () => crash(disk),
      inUse: async () => namesInUse(disk),
      destroy: async () => {},
    };
  };
}
