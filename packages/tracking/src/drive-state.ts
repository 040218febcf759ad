import type { DriveBitmap } from './drive-bitmap.ts';
import type { Durability } from './durability.ts';
import type { Freeze } from './frozen-bits.ts';
import type { GuardedMarks } from './live/guarded-marks.ts';
import type { LiveMarks } from './live/live-marks.ts';
import { bitmapNotFound, driveClosing, refusal } from './messages.ts';
import { Mutex } from './mutex.ts';
import type { WriteRecorder } from './write-recorder.ts';

let drivesOpened = 0;

export interface DriveStateOptions {
  readonly label: string;
  readonly writable: boolean;
  readonly recorder: WriteRecorder;
  readonly marks: LiveMarks;
  readonly guard: GuardedMarks;
  /** Those of persistent bitmaps first. */
  readonly keepers: readonly Durability[];
  readonly defaultGranularity: number;
  /** In the order of the stores' directories. */
  readonly bitmaps: readonly DriveBitmap[];
}

/** Ends soon after it is told to. */
export interface LongWork {
  readonly finished: Promise<unknown>;
  end(): void;
}

/** What a drive and the transactions on it share. */
export class DriveState {
  readonly label: string;
  readonly writable: boolean;
  readonly recorder: WriteRecorder;
  readonly marks: LiveMarks;
  /** The same, as writes see them. */
  readonly guard: GuardedMarks;
  readonly keepers: readonly Durability[];
  readonly defaultGranularity: number;
  /** Several drives are locked in this order, so that two transactions never wait for each other. */
  readonly serial = ++drivesOpened;
  readonly mutex = new Mutex();
  /** Names of bitmaps that somebody holds. */
  readonly held = new Set<string>();
  /** By the bitmap's name; it is held as well. */
  readonly freezes = new Map<string, Freeze>();
  /** What works on a bitmap for long, and has to end before the drive does. */
  readonly longWorks = new Set<LongWork>();
  bitmaps: ReadonlyMap<string, DriveBitmap>;
  closing = false;

  constructor(options: DriveStateOptions) {
    this.label = options.label;
    this.writable = options.writable;
    this.recorder = options.recorder;
    this.marks = options.marks;
    this.guard = options.guard;
    this.keepers = options.keepers;
    this.defaultGranularity = options.defaultGranularity;
    this.bitmaps = new Map(options.bitmaps.map((bitmap) => [bitmap.name, bitmap]));
  }

  /** Runs while no transaction does. @throws DEVICE_CLOSED */
  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    const unlock = await this.mutex.lock();
    try {
      this.assertOpen();
      return await work();
    } finally {
      unlock();
    }
  }

  assertOpen(): void {
    if (this.closing) throw driveClosing(this.label);
  }

  async longWorksOver(): Promise<void> {
    await Promise.allSettled(Array.from(this.longWorks, ({ finished }) => finished));
  }

  isReadonly(bitmap: DriveBitmap): boolean {
    return bitmap.keeper.persistent && !(this.writable && bitmap.keeper.writable);
  }

  find(name: string): DriveBitmap {
    const bitmap = this.bitmaps.get(name);
    if (bitmap === undefined) throw bitmapNotFound(this.label, name);
    return bitmap;
  }

  /** @throws BITMAP_NOT_FOUND, BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED */
  findSound(name: string): DriveBitmap {
    const bitmap = this.find(name);
    const { condition, reason } = bitmap;
    if (condition !== 'sound') throw refusal(condition, this.label, name, reason);
    return bitmap;
  }

  /** Its bits follow the truth again. Does nothing where it is not frozen. */
  endFreeze(name: string): void {
    const freeze = this.freezes.get(name);
    if (freeze === undefined) return;
    this.recorder.detach(freeze.successor);
    this.freezes.delete(name);
    this.held.delete(name);
  }

  replace(bitmap: DriveBitmap): void {
    this.bitmaps = new Map(this.bitmaps).set(bitmap.name, bitmap);
  }
}

/** From the drive that users hold to what is behind it. */
export const stateOf = new WeakMap<object, DriveState>();
