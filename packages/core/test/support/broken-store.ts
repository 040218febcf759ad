import type { MakeStoreFixture } from '../../src/contract/index.ts';
import { createBitmapStore } from '../../src/create-bitmap-store.ts';
import type { BitmapBackend, BitmapStore } from '../../src/store.ts';
import { makeDisk, openSound, overriding, type SoundDisk, soundBackend } from './sound-store.ts';

/** A store with one fault, and the case of the contract that has to notice. */
export interface BrokenStore {
  readonly fault: string;
  readonly caughtBy: string;
  readonly makeFixture: MakeStoreFixture;
}

/** What a fault is given to break. */
interface Opening<T> {
  readonly sound: T;
  readonly disk: SoundDisk;
  readonly writable: boolean;
}

type Fault<T> = (opening: Opening<T>) => Partial<T>;

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

function brokenBy(
  fault: string,
  caughtBy: string,
  open: (disk: SoundDisk, writable: boolean) => Promise<BitmapStore>,
): BrokenStore {
  async function makeFixture(diskSize: number) {
    const disk = makeDisk(diskSize);
    return {
      open: (options?: { readonly writable?: boolean }) => open(disk, options?.writable ?? true),
      crash: async () => {},
      destroy: async () => {},
    };
  }
  return { fault, caughtBy, makeFixture };
}
