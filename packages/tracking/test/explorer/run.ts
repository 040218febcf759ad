import { isTidemarkError } from '@tidemark/core';
import type { Census, Operation } from './census.ts';
import { chooseActions, NAMES, operationsOf } from './choose-actions.ts';
import type { ExplorerAction } from './claims.ts';
import { examine, examineOpen } from './examine.ts';
import type { ExplorerOptions } from './explorer.ts';
import { Observer } from './observer.ts';
import { pointOfPicture } from './point-of-picture.ts';
import { Process } from './process.ts';
import { Random } from './random.ts';
import { GRANULE, GRANULES, SIZES, type MakeSetting, type Setting } from './setting.ts';
import { turn } from './slow-disk.ts';
import { Workload } from './workload.ts';

export interface RunOptions extends ExplorerOptions {
  readonly setting: MakeSetting;
  readonly census: Census;
}

/** What a run does next, and how often: whatever may come is added here. */
const STEPS: readonly (readonly [weight: number, step: (run: Run) => void | Promise<void>])[] = [
  [40, (run) => run.write()],
  [22, (run) => run.transact()],
  [6, (run) => run.call([], ({ drive }) => drive.device.flush())],
  [18, (run) => run.call(['narrow'], ({ drive }) => drive.narrow())],
  [3, (run) => run.crash()],
  [2, (run) => run.reopen()],
  [4, (run) => run.rescan()],
  [2, (run) => run.notePoint()],
  [4, (run) => run.resize()],
  [20, () => {}],
];
const ALL_STEPS = STEPS.flatMap(([weight, step]) => Array.from({ length: weight }, () => step));

/** The life of one drive, from process to process. */
export class Run {
  readonly #random: Random;
  readonly #options: RunOptions;
  #setting!: Setting;
  #workload!: Workload;
  #observer!: Observer;
  #process = new Process();
  #resizes = false;
  /** Its header is as QEMU lays it out. */
  #isLaidByQemu = false;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  get problems(): readonly string[] {
    return this.#observer.problems;
  }

  async begin(): Promise<void> {
    this.#setting = await this.#options.setting(this.#random);
    const isSpread = this.#random.chance(50);
    this.#resizes = this.#random.chance(60);
    this.#workload = new Workload(this.#random, isSpread ? 85 : 100);
    this.#observer = new Observer(this.#setting, this.#options);
    await this.#startOn([]);
  }

  async step(): Promise<void> {
    await this.#random.pick(ALL_STEPS)(this);
    this.#setting.pass(this.#process.calls.size === 0);
    for (let turns = this.#random.int(6); turns > 0; turns--) await this.#turn();
  }

  async finish(): Promise<void> {
    await this.#process.kill();
    const remains = await this.#setting.strangerWrites?.();
    if (remains === undefined) return;
    for (const [name, { state, enabled }] of (await examine(remains, [])).found) {
      if (!enabled || state !== 'stored') continue;
      this.#observer.fail([`${name} is trusted over a stranger's write`]);
    }
  }

  write(): void {
    const write = this.#workload.next(this.#process);
    if (write !== undefined) this.call(['write'], write);
  }

  transact(): void {
    if (this.#observer.isChanging) return;
    const process = this.#process;
    const actions = chooseActions(this.#observer.claims, this.#random, process.rescanned);
    if (actions.length === 0) return;
    const operations = operationsOf(actions);
    if (this.#isLaidByQemu) operations.push('takeover');
    this.call(operations, () => this.#make(actions, () => process.drive.transaction(actions)));
  }

  /** Brings a bitmap back by what the drive held at the point. */
  rescan(): void {
    const process = this.#process;
    if (this.#observer.isChanging || process.rescanned !== undefined) return;
    // A backup is of a drive of one size.
    if (process.drive.device.size !== GRANULES * GRANULE) return;
    const name = this.#random.pick(NAMES);
    const { point } = this.#workload;
    process.rescanned = name;
    const source = pointOfPicture(point);
    const options = { name, source, granularity: GRANULE, batchSize: 2048 * GRANULE };
    this.call(['rescan'], async () => {
      let finished: Promise<unknown> = Promise.resolve();
      await this.#make([{ op: 'rescan', name, point }], async () => {
        ({ finished } = await process.drive.beginRescan(options));
      });
      process.rescan = process.underWay.during(['rescan'], () => this.#end(process, finished));
    });
  }

  /** Another size. A bitmap that is being rescanned would refuse. */
  resize(): void {
    const process = this.#process;
    if (!this.#resizes || this.#observer.isChanging || process.rescanned !== undefined) return;
    const { device } = process.drive;
    const from = device.size / GRANULE;
    const to = this.#random.pick(SIZES.filter((size) => size !== from));
    const operations: Operation[] = this.#isLaidByQemu ? ['resize', 'takeover'] : ['resize'];
    const step = { op: 'resize', from, to } as const;
    this.call(operations, () => this.#make([step], () => device.resize(to * GRANULE)));
  }

  notePoint(): void {
    this.#workload.point = new Map(this.#observer.picture);
  }

  /** Does something beside what is being done. */
  call(operations: readonly Operation[], act: (process: Process) => Promise<void>): void {
    const process = this.#process;
    const call = process.underWay
      .during(operations, () => act(process))
      .catch((error: unknown) => {
        if (process === this.#process) this.#observer.fail([String(error)]);
      });
    process.calls.add(call);
    void call.finally(() => process.calls.delete(call));
  }

  /** The process dies, and with it perhaps the power fails. */
  async crash(): Promise<void> {
    await this.#process.kill();
    const isPowerCut = this.#random.chance(50);
    if (isPowerCut) await this.#setting.powerFails();
    await this.#next(['recovery'], isPowerCut);
    await this.#forgetLost();
  }

  /** A clean end, and what it leaves. */
  async reopen(): Promise<void> {
    const { calls, drive } = this.#process;
    await Promise.all(calls);
    if (this.problems.length > 0) return;
    await this.#watch(['close'], drive.close());
    await this.#process.rescan;
    const { bitmapFile } = await this.#setting.cut();
    this.#observer.fail(this.#observer.leaks.closed(bitmapFile));
    await this.#next(['close'], true);
    const lost = await this.#lost();
    if (lost.length > 0) this.#observer.fail([`${lost.join(' ')} was closed and is lost`]);
  }

  /**
   * Another process; between the two, QEMU may have had the image open. `isDurable`: what the old
   * one did can no longer be lost.
   */
  async #next(operations: readonly Operation[], isDurable: boolean): Promise<void> {
    this.#process = new Process();
    const observer = this.#observer;
    const isTakenOver = this.#setting.qemuWritesHeader !== undefined && this.#random.chance(40);
    if (isTakenOver) {
      observer.losesAll = true;
      await this.#watch(['takeover'], this.#setting.qemuWritesHeader!());
      observer.losesAll = false;
      this.#isLaidByQemu = true;
    }
    await this.#startOn(operations);
    const sight = await examineOpen(this.#process.drive, observer.picture.keys());
    await observer.begin(sight, isDurable || isTakenOver);
    await observer.look(this.#process);
  }

  async #startOn(operations: readonly Operation[]): Promise<void> {
    this.#process = new Process();
    const { picture, leaks } = this.#observer;
    const watched = this.#setting.isOneFile ? { watch: leaks } : {};
    const opening = this.#process.open(this.#setting, picture, watched);
    await this.#watch(operations, opening);
  }

  async #turn(cuts = this.#options.cuts): Promise<void> {
    await turn();
    if (!this.#random.chance(cuts)) return;
    // What is rarely under way is looked at more closely, as long as there is something new to see.
    let left = this.#process.underWay.isSpecial ? 8 : 1;
    while (left > 0 && (await this.#observer.look(this.#process))) left -= 1;
  }

  /** Looks at what is left meanwhile, too. It takes many turns, which are much alike. */
  async #watch(operations: readonly Operation[], work: Promise<void>): Promise<void> {
    const progress = { isOver: false };
    const watched = this.#process.underWay.during(operations, () => work);
    const over = () => {
      progress.isOver = true;
    };
    watched.then(over, over);
    while (!progress.isOver) await this.#turn(this.#options.cuts / 5);
    await watched;
  }

  async #lost(): Promise<readonly string[]> {
    const bitmaps = await this.#process.drive.list();
    return bitmaps.filter(({ inconsistent }) => inconsistent).map(({ name }) => name);
  }

  async #make(actions: readonly ExplorerAction[], make: () => Promise<void>): Promise<void> {
    const observer = this.#observer;
    const process = this.#process;
    const transaction = observer.change(actions);
    await make();
    // One that was killed meanwhile has nothing to say any more.
    if (process !== this.#process) return;
    observer.changed(transaction, new Set(process.arrived));
    this.#isLaidByQemu = false;
  }

  async #end(process: Process, finished: Promise<unknown>): Promise<void> {
    try {
      await finished;
      process.rescanned = undefined;
    } catch (error) {
      // It ends with the drive, or has died with it.
      const isOver = isTidemarkError(error, 'DEVICE_CLOSED') || process !== this.#process;
      if (!isOver) this.#observer.fail([String(error)]);
    }
  }

  /** What may be lost by a crash is of no more use. */
  async #forgetLost(): Promise<void> {
    const lost = await this.#lost();
    if (lost.length === 0) return;
    const actions = lost.map((name) => ({ op: 'remove', name }) as const);
    await this.#make(actions, () => this.#process.drive.transaction(actions));
  }
}
