import type { BlockDevice } from '@tidemark/block';
import type { BitmapStore } from '@tidemark/core';
import type { UnderWay } from './census.ts';
import type { FilePlan } from './crash-disk.ts';
import type { Random } from './random.ts';
import type { SectorDevice } from './sectors.ts';

/** Bytes. A granule is a sector, so that a cut leaves it whole. */
export const GRANULE = 512;
export const GRANULES = 3 * 4096;

/** Granules that a drive is resized to: more, and so few that an area is cut. */
export const SIZES = [GRANULES, GRANULES - 72, GRANULES + 64];

/** Where most writes go: the first granules, and how many there are. */
export const AREAS = [0, 4096, 12_192];
export const AREA = 48;

interface Opened {
  readonly device: BlockDevice;
  readonly store: BitmapStore;
}

/** What is left of a drive and its bitmaps, for reading. */
export interface Remains {
  open(): Promise<Opened>;
  /** The file that holds the bitmaps. */
  readonly bitmapFile: SectorDevice;
  /** The same for the same remains. */
  readonly hash: number;
}

/** What goes wrong; a drive that is an image has one file. */
export interface Plans {
  readonly bitmaps?: FilePlan | undefined;
  readonly drive?: FilePlan | undefined;
}

/** Where a drive and its bitmaps are kept: on disks with volatile caches. */
export interface Setting {
  /** For a new process. `kill` ends what it can still do. */
  open(underWay: UnderWay, plans?: Plans): Promise<Opened & { kill(): Promise<void> }>;
  /** What a power cut now would leave. Good until the next one. */
  cut(): Promise<Remains>;
  /** The power fails, and the next process finds what is left. */
  powerFails(): Promise<void>;
  /** Time passes; much of it only while no call is under way. */
  pass(isQuiet: boolean): void;
  /** After a crash, somebody who knows nothing of the bitmaps writes the drive. */
  strangerWrites?(): Promise<Remains>;
  /** While no process has it open, QEMU writes the header as it lays it out. */
  qemuWritesHeader?(): Promise<void>;
  /** The bitmaps are in the drive's own image: a flush of the drive is one of theirs. */
  readonly isOneFile: boolean;
  /** Bitmaps of which none records are not vouched for by a session that crashes. */
  readonly losesIdle: boolean;
}

export type MakeSetting = (random: Random) => Promise<Setting>;

/** Stays open when it is closed, as a file does. */
export function unclosed<T extends BlockDevice>(device: T): T {
  return new Proxy<T>(device, {
    get(target, key) {
      if (key === 'close' || key === Symbol.asyncDispose) return async () => {};
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
