import { TidemarkError } from '@tidemark/core';
import { MemoryDisk, openMemoryStore } from '@tidemark/store-memory';
import { type BitmapAction, openTrackedDrive, type TrackedDrive } from '../../src/index.ts';
import { GRANULE, SIZE } from './drives.ts';
import { GatedDevice, settle } from './gated-device.ts';
import {
  cleanDrive,
  mark,
  type NaiveDrive,
  type NaiveWrite,
  transact,
  withoutTransient,
} from './naive-drive.ts';
import type { Place } from './places.ts';
import { Stall } from './stalling-store.ts';

/** Marked on disk four granules at a time, in few places at once, and narrowed at the next chance. */
const MARKS = { regionSize: 4 * GRANULE, maxOpen: 8 * GRANULE, idleAfter: 0 };

export type Step =
  | {
      readonly step: 'write';
      readonly kind: 'write' | 'writeZeroes' | 'discard';
      readonly at: number;
      readonly count: number;
    }
  /** The device answers one of the writes under way. */
  | { readonly step: 'answer'; readonly index: number; readonly well: boolean }
  /** `slow`: the stores take until the next step that waits for them. */
  | { readonly step: 'transact'; readonly actions: readonly BitmapAction[]; readonly slow: boolean }
  | { readonly step: 'join' }
  /** What is marked beyond the truth is narrowed. */
  | { readonly step: 'narrow' }
  | { readonly step: 'reopen' };

/** What may be found on disk from one moment to the next such moment. */
export interface Moment {
  /** How many events each file had. */
  readonly events: readonly number[];
  /** More than one where a store failed: either may have come of it. */
  readonly worlds: readonly NaiveDrive[];
  readonly isOpen: boolean;
}

interface Pending {
  readonly actions: readonly BitmapAction[];
  readonly done: Promise<'made' | TidemarkError>;
  readonly early: ReadonlySet<NaiveWrite>;
  readonly issued: Set<NaiveWrite>;
}

export interface SessionOptions {
  readonly mayFail?: boolean;
  readonly durability?: 'live' | 'close';
}

/** Takes a drive and its naive picture through the same steps. */
export class Session {
  readonly moments: Moment[] = [];
  readonly #place: Place;
  readonly #mayFail: boolean;
  readonly #durability: 'live' | 'close';
  readonly #underWay = new Set<NaiveWrite & { readonly offset: number; readonly length: number }>();
  readonly #stall = new Stall();
  #drive!: TrackedDrive;
  #gate!: GatedDevice;
  #worlds: readonly NaiveDrive[];
  #pending: Pending | undefined;
  #isOpen = false;
  #failure: unknown;

  constructor(place: Place, options: SessionOptions) {
    this.#place = place;
    this.#mayFail = options.mayFail ?? false;
    this.#durability = options.durability ?? 'close';
    this.#worlds = [cleanDrive(place.given ?? [])];
    this.#note();
  }

  /** Of the stores: from then on there are no more transactions. */
  get #hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  async open(): Promise<void> {
    const { device, stores } = await this.#place.open();
    this.#gate = new GatedDevice(device);
    this.#gate.gatesFlushes = false;
    this.#gate.onChange = (offset, length) => this.#arrived(offset, length);
    try {
      this.#drive = await openTrackedDrive({
        device: this.#gate,
        label: 'd0',
        writable: true,
        clusterSize: GRANULE,
        durability: this.#durability,
        onTrackingError: 'report',
        marks: MARKS,
        stores: stores.map((store) => this.#stall.wrap(store)),
        transient: await openMemoryStore(new MemoryDisk(SIZE)),
      });
      this.#isOpen = true;
    } catch (error) {
      this.#failWith(error);
    }
    this.#note();
  }

  async take(step: Step): Promise<void> {
    if (!this.#isOpen) return;
    if (step.step === 'write') await this.#write(step);
    else if (step.step === 'narrow') await this.#drive.narrow();
    else if (step.step === 'answer') await this.#answer(step);
    else if (step.step === 'transact') await this.#transact(step);
    else if (step.step === 'join') await this.#join();
    else if (!this.#hasFailed) await this.#reopen();
    if (this.#pending === undefined) this.#note();
  }

  /** The writes under way are answered, and a transaction is made, while the drive is closing. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    const closing = this.#drive.close().catch((error: unknown) => this.#failWith(error));
    await this.#join();
    this.#gate.open();
    await closing;
    await settle();
    this.#worlds = this.#worlds.map(withoutTransient);
    this.#isOpen = false;
    this.#note();
  }

  async #reopen(): Promise<void> {
    await this.close();
    if (!this.#hasFailed) await this.open();
  }

  async #write({ kind, at, count }: Extract<Step, { step: 'write' }>): Promise<void> {
    const offset = at * GRANULE + 1;
    const length = Math.min((count - 1) * GRANULE + 1, SIZE - offset);
    const { device } = this.#drive;
    const call =
      kind === 'write'
        ? device.write(new Uint8Array(length).fill(at + 1), offset)
        : device[kind](offset, length);
    const over = () => {
      const arrived = [...this.#underWay].find(
        (write) => write.offset === offset && write.length === length,
      );
      if (arrived !== undefined) this.#underWay.delete(arrived);
    };
    call.then(over, over);
    if (this.#durability === 'live') await settle();
  }

  /** A write has come to the device: from now on it may be on the disk. */
  #arrived(offset: number, length: number): void {
    const first = Math.floor(offset / GRANULE);
    const last = Math.floor((offset + length - 1) / GRANULE);
    const granules = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    const write = { offset, length, granules };
    this.#underWay.add(write);
    if (this.#pending === undefined) this.#worlds = this.#worlds.map((it) => mark(it, write));
    else this.#pending.issued.add(write);
  }

  async #answer({ index, well }: Extract<Step, { step: 'answer' }>): Promise<void> {
    const { waiting } = this.#gate;
    if (waiting === 0) return;
    if (well) await this.#gate.pass(index % waiting);
    else await this.#gate.fail(new TidemarkError('IO_FAILED', 'a bad sector'), index % waiting);
  }

  async #transact({ actions, slow }: Extract<Step, { step: 'transact' }>): Promise<void> {
    await this.#join();
    if (this.#hasFailed) return;
    if (slow) this.#stall.begin();
    const done = this.#drive.transaction(actions).then(
      () => 'made' as const,
      (error: TidemarkError) => error,
    );
    this.#pending = { actions, done, early: new Set(this.#underWay), issued: new Set() };
    if (slow) await settle();
    else await this.#join();
  }

  async #join(): Promise<void> {
    if (this.#pending === undefined) return;
    this.#stall.end();
    const { actions, done, early, issued } = this.#pending;
    const result = await done;
    this.#pending = undefined;
    const underWay = new Set<NaiveWrite>(this.#underWay);
    const late = new Set([...early, ...issued].filter((write) => underWay.has(write)));
    const [before] = this.#worlds;
    const after = transact(before!, actions, { early, issued, late });
    const marked = this.#worlds.map((world) => [...issued].reduce(mark, world));
    if (result === 'made') this.#worlds = [orThrow(after, 'a transaction was not refused')];
    else if (after === undefined) this.#worlds = marked;
    else {
      this.#failWith(result);
      this.#worlds = [...marked, after];
    }
    this.#note();
  }

  #failWith(error: unknown): void {
    if (!this.#mayFail) throw error;
    this.#failure ??= error;
  }

  #note(): void {
    const events = this.#place.files.map((file) => file.events.length);
    this.moments.push({ events, worlds: this.#worlds, isOpen: this.#isOpen });
  }
}

function orThrow<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new Error(message);
  return value;
}
