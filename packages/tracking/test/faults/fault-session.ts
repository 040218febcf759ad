import { setTimeout } from 'node:timers/promises';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { checkImage } from '../../../qcow2/test/support/check-image.ts';
import type { TrackedDrive, TrackingErrorPolicy } from '../../src/index.ts';
import { examine, examineOpen, stampOf } from '../explorer/examine.ts';
import { Process } from '../explorer/process.ts';
import { Random } from '../explorer/random.ts';
import { GRANULE, type MakeSetting, type Plans, type Setting } from '../explorer/setting.ts';
import { turn } from '../explorer/slow-disk.ts';
import { SCRIPT, type Step } from './script.ts';
import { Worlds } from './worlds.ts';

export interface FaultSessionOptions {
  readonly setting: MakeSetting;
  readonly seed: number;
  readonly plans: Plans;
  readonly policy: TrackingErrorPolicy;
}

/** Power cuts to look at, at each place. */
const CUTS = 4;

/** Goes through the script while something goes wrong, and looks for what must never come of it. */
export class FaultSession {
  readonly problems: string[] = [];
  /** Steps that failed, with clear errors. */
  failures = 0;
  readonly #options: FaultSessionOptions;
  readonly #worlds = new Worlds();
  readonly #picture = new Map<number, number>();
  #setting!: Setting;
  /** Done when a write is held because it cannot be marked. */
  readonly #hold = Promise.withResolvers<void>();
  #isHeld = false;

  private constructor(options: FaultSessionOptions) {
    this.#options = options;
  }

  static async run(options: FaultSessionOptions): Promise<FaultSession> {
    const session = new FaultSession(options);
    await session.#run();
    return session;
  }

  async #run(): Promise<void> {
    const { setting, seed, plans, policy } = this.#options;
    this.#setting = await setting(new Random(seed));
    const first = new Process();
    const onWarning = () => this.#hold.resolve();
    const options = { plans, onTrackingError: policy, retryAfter: 1, onWarning };
    if (await this.#try(() => first.open(this.#setting, this.#picture, options))) {
      for (const step of SCRIPT) {
        await this.#take(first, step);
        if (this.#isHeld) break;
      }
      await this.#lookAt(first, 'the process');
      await this.#try(() => first.drive.close());
      await this.#lookAtCuts('after its close');
    }
    await first.kill();
    // To a process that finds it in the cache, what a sync has dropped looks as if it were there.
    const isLost = [plans.bitmaps, plans.drive].some((plan) => plan?.losesCache === true);
    if (isLost) await this.#setting.powerFails();
    await this.#goOn();
  }

  async #take(process: Process, { actions = [], writes, act }: Step): Promise<void> {
    const { drive } = process;
    const earlier = new Map(this.#picture);
    const isDone = await this.#try(() => Promise.race([act(drive), this.#held()]));
    const instant = { picture: new Map(this.#picture), earlier, underWay: new Set<number>() };
    if (actions.length > 0) this.#worlds[isDone ? 'made' : 'failed'](actions, instant);
    if (isDone) return;
    // As much of a write as there is, which is what a backup would find.
    if (writes !== undefined) await this.#read(drive, writes);
    await this.#lookAtCuts('after a failure');
  }

  /** A write that cannot be marked waits, for as long as it takes. @throws after some retries */
  async #held(): Promise<void> {
    await this.#hold.promise;
    await setTimeout(100);
    this.#isHeld = true;
    throw new TidemarkError('IO_FAILED', 'it is not going to be done');
  }

  async #read({ device }: TrackedDrive, { first, count }: Required<Step>['writes']): Promise<void> {
    const end = Math.min(first + count, device.size / GRANULE);
    for (let granule = first; granule < end; granule++) {
      const bytes = new Uint8Array(GRANULE);
      await again(() => device.read(bytes, granule * GRANULE));
      this.#picture.set(granule, stampOf(bytes));
    }
  }

  /** The next process finds no fault, and goes on with what is there. */
  async #goOn(): Promise<void> {
    const next = new Process();
    await next.open(this.#setting, this.#picture);
    await this.#lookAt(next, 'the next process');
    await next.drive.device.write(new Uint8Array(512).fill(255), 0);
    await this.#lookAt(next, 'the next process, after a write');
    await next.drive.close();
    await this.#lookAtCuts('after the next close');
  }

  async #lookAt(process: Process, where: string): Promise<void> {
    const { found, picture } = await again(() => examineOpen(process.drive, this.#picture.keys()));
    this.#note(where, this.#worlds.stale(found, picture));
    for (const [granule, stamp] of picture) this.#picture.set(granule, stamp);
  }

  async #lookAtCuts(where: string): Promise<void> {
    for (let i = 0; i < CUTS; i++) {
      const remains = await this.#setting.cut();
      try {
        const { found, picture } = await examine(remains, this.#picture.keys());
        this.#note(where, this.#worlds.stale(found, picture));
      } catch (error) {
        this.#note(where, [String(error)]);
      }
      this.#note(where, checkImage(remains.bitmapFile.sectors.bytes()).corruptions);
    }
  }

  #note(where: string, problems: readonly string[]): void {
    this.problems.push(...problems.map((problem) => `${where}: ${problem}`));
  }

  /** Time passes while it waits. */
  async #try(act: () => Promise<unknown>): Promise<boolean> {
    const progress = { isOver: false };
    const work = act().finally(() => {
      progress.isOver = true;
    });
    void this.#passTime(progress);
    try {
      await work;
      return true;
    } catch (error) {
      this.failures += 1;
      if (!isTidemarkError(error)) this.#note('no clear error', [String(error)]);
      return false;
    }
  }

  async #passTime(progress: { readonly isOver: boolean }): Promise<void> {
    for (let turns = 1; !progress.isOver; turns++) {
      await turn();
      if (turns % 2 === 0) this.#setting.pass(false);
    }
  }
}

/** The fault may strike where the test reads; it strikes once. */
async function again<T>(act: () => Promise<T>): Promise<T> {
  return act().catch(act);
}
