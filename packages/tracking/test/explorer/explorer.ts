import type { MemoryDevice } from '@tidemark/block';
import { isTidemarkError } from '@tidemark/core';
import { openTrackedDrive, type TrackedDrive } from '../../src/index.ts';
import { withArrivals } from './arrivals.ts';
import { chooseActions, NAMES } from './choose-actions.ts';
import { broken, type Claims, claimsAfter, type ExplorerAction, type Picture } from './claims.ts';
import { examine, granuleOf } from './examine.ts';
import { imageSetting } from './image-setting.ts';
import { pointOfPicture } from './point-of-picture.ts';
import { Random } from './random.ts';
import {
  AREA,
  AREAS,
  GRANULE,
  GRANULES,
  type MakeSetting,
  type Remains,
  type Setting,
} from './setting.ts';
import { turn } from './slow-disk.ts';

const MAX_WRITES = 4;

export interface ExplorerResult {
  /** Disks after a power cut that were looked at. */
  states: number;
  /** The same, by what was under way. */
  readonly during: Record<string, number>;
  problems: readonly string[];
}

export interface ExplorerOptions {
  readonly seed: number;
  readonly steps: number;
  /** Percent of moments at which a power cut is looked at. */
  readonly cuts: number;
  /** Where the drive and its bitmaps are. Default: a qcow2 image. */
  readonly setting?: MakeSetting;
  /** Judges the file that holds the bitmaps after a power cut in its own way, too. */
  readonly judge?: (bitmapFile: MemoryDevice) => Promise<readonly string[]>;
}

/**
 * A drive with live bitmaps, on disks with volatile caches, under random writes and changes of
 * bitmaps. At random moments it looks at what a power cut would leave; now and then the process dies
 * or the power fails, and the run goes on with what is left.
 */
export async function explore(options: ExplorerOptions): Promise<ExplorerResult> {
  const run = new Run(options);
  await run.begin();
  for (let step = 0; step < options.steps && run.result.problems.length === 0; step++) {
    await run.step();
  }
  await run.finish();
  return run.result;
}

class Run {
  readonly result: ExplorerResult = { states: 0, during: {}, problems: [] };
  readonly #options: ExplorerOptions;
  readonly #random: Random;
  readonly #picture = new Map<number, number>();
  /** Granules of writes that have come to the disk and are not answered. */
  readonly #underWay = new Set<number>();
  /** Granules of writes that were asked for and are not answered. */
  readonly #asked = new Set<number>();
  readonly #calls = new Set<Promise<void>>();
  #setting!: Setting;
  #drive!: TrackedDrive;
  #kill!: () => Promise<void>;
  #claims: Claims = new Map();
  #transaction:
    | { readonly actions: readonly ExplorerAction[]; readonly earlier: Picture }
    | undefined;
  /** What the drive held at some time, for rescans; and the bitmap that one is working on. */
  #point: Picture = new Map();
  #rescanned: string | undefined;
  #rescan: Promise<void> = Promise.resolve();
  #what = 'write';
  #stamp = 0;

  constructor(options: ExplorerOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  async begin(): Promise<void> {
    this.#setting = await (this.#options.setting ?? imageSetting)(this.#random);
    await this.#open();
  }

  async step(): Promise<void> {
    const dice = this.#random.int(100);
    if (dice < 45) this.#write();
    else if (dice < 60) this.#transact();
    else if (dice < 66) this.#call(() => this.#drive.device.flush());
    else if (dice < 74) this.#call(() => this.#drive.narrow());
    else if (dice < 76 && this.#transaction === undefined) await this.#crash();
    else if (dice < 78) await this.#reopen();
    else if (dice < 82) this.#beginRescan();
    else if (dice < 84) this.#point = new Map(this.#picture);
    this.#setting.pass(this.#calls.size === 0);
    for (let turns = this.#random.int(6); turns > 0; turns--) await this.#turn();
  }

  async finish(): Promise<void> {
    await this.#kill();
    const remains = await this.#setting.strangerWrites?.();
    if (remains === undefined) return;
    for (const [name, { state, enabled }] of (await examine(remains, [])).found) {
      if (enabled && state === 'stored') this.#fail([`${name} is trusted over a stranger's write`]);
    }
  }

  async #turn(cuts = this.#options.cuts): Promise<void> {
    await turn();
    if (this.#random.chance(cuts)) await this.#look();
  }

  /** Looks at what is left meanwhile, too. It takes many turns, which are much alike. */
  async #watch(work: Promise<void>): Promise<void> {
    const progress = { isOver: false };
    const over = () => {
      progress.isOver = true;
    };
    work.then(over, over);
    while (!progress.isOver) await this.#turn(this.#options.cuts / 5);
    await work;
  }

  async #open(): Promise<void> {
    this.#rescanned = undefined;
    this.#rescan = Promise.resolve();
    const opened = await this.#setting.open();
    const { device, store } = opened;
    this.#kill = () => opened.kill();
    this.#drive = await openTrackedDrive({
      device: withArrivals(device, { picture: this.#picture, underWay: this.#underWay }),
      label: 'd',
      stores: [store],
      writable: true,
      durability: 'live',
      clusterSize: 512,
      marks: { regionSize: 16 * GRANULE, maxOpen: 8 * 16 * GRANULE, idleAfter: 0 },
    });
  }

  #write(): void {
    if (this.#calls.size >= MAX_WRITES) return;
    this.#what = 'write';
    const count = 1 + this.#random.int(3);
    // Near each other, so that regions and clusters are met again; far apart now and then.
    const area = this.#random.pick([0, ...AREAS]);
    const isNear = this.#random.chance(85);
    const first = area + this.#random.int((isNear ? AREA : GRANULES - area) - 2);
    const granules = Array.from({ length: count }, (_, i) => first + i);
    // Of two writes to one place at a time either may win.
    if (granules.some((granule) => this.#asked.has(granule))) return;
    for (const granule of granules) this.#asked.add(granule);
    const over = () => {
      for (const granule of granules) this.#asked.delete(granule);
    };
    const { device } = this.#drive;
    if (this.#random.chance(15)) {
      this.#call(() => device.writeZeroes(first * GRANULE, count * GRANULE).finally(over));
      return;
    }
    const bytes = new Uint8Array(count * GRANULE);
    const view = new DataView(bytes.buffer);
    this.#stamp += 1;
    // Now and then what was there at the point, so that it is equal again.
    const isBack = this.#random.chance(15);
    for (const [i, granule] of granules.entries()) {
      view.setUint32(i * GRANULE, isBack ? (this.#point.get(granule) ?? 0) : this.#stamp);
    }
    this.#call(() => device.write(bytes, first * GRANULE).finally(over));
  }

  #transact(): void {
    if (this.#transaction !== undefined) return;
    const actions = chooseActions(this.#claims, this.#random, this.#rescanned);
    if (actions.length === 0) return;
    this.#change(actions, () => this.#drive.transaction(actions));
  }

  #beginRescan(): void {
    if (this.#transaction !== undefined || this.#rescanned !== undefined) return;
    const name = this.#random.pick(NAMES);
    const point = this.#point;
    this.#rescanned = name;
    this.#change([{ op: 'rescan', name, point }], async () => {
      const source = pointOfPicture(point);
      const options = { name, source, granularity: GRANULE, batchSize: 2048 * GRANULE };
      const drive = this.#drive;
      const { finished } = await drive.beginRescan(options);
      this.#rescan = this.#endRescan(drive, finished);
    });
  }

  async #endRescan(drive: TrackedDrive, finished: Promise<unknown>): Promise<void> {
    try {
      await finished;
      this.#rescanned = undefined;
    } catch (error) {
      // It ends with the drive, or has died with it.
      const isOver = isTidemarkError(error, 'DEVICE_CLOSED') || this.#drive !== drive;
      if (!isOver) this.#fail([String(error)]);
    }
  }

  #change(actions: readonly ExplorerAction[], make: () => Promise<void>): void {
    const earlier = new Map(this.#picture);
    this.#transaction = { actions, earlier };
    this.#what = actions.length > 1 ? 'group' : actions[0]!.op;
    this.#call(async () => {
      await make();
      this.#claims = claimsAfter(this.#claims, actions, {
        picture: new Map(this.#picture),
        earlier,
        underWay: new Set(this.#underWay),
      });
      this.#transaction = undefined;
    });
  }

  #call(act: () => Promise<void>): void {
    const call = act().catch((error: unknown) => this.#fail([String(error)]));
    this.#calls.add(call);
    void call.finally(() => this.#calls.delete(call));
  }

  async #look(): Promise<void> {
    const remains = await this.#setting.cut();
    this.result.states += 1;
    const isRescan = this.#what === 'write' && this.#rescanned !== undefined;
    const what = isRescan ? 'rescan' : this.#what;
    this.result.during[what] = (this.result.during[what] ?? 0) + 1;
    const problems = await this.#judge(remains);
    if (problems.length > 0) this.#fail(problems);
  }

  /** Either as it was before the transaction under way, or as it is after it. */
  async #judge(remains: Remains): Promise<readonly string[]> {
    const { found, picture } = await examine(remains, this.#picture.keys());
    const outside = (await this.#options.judge?.(remains.bitmapFile)) ?? [];
    const { losesIdle } = this.#setting;
    const before = broken(this.#claims, found, picture, { losesIdle });
    if (before.length === 0 || this.#transaction === undefined) return [...outside, ...before];
    const { actions, earlier } = this.#transaction;
    // What is owed at least, whenever the change takes effect.
    const instant = { picture: new Map(this.#picture), earlier, underWay: new Set<number>() };
    const claims = claimsAfter(this.#claims, actions, instant);
    const after = broken(claims, found, picture, { losesIdle });
    if (after.length === 0) return outside;
    return [
      ...outside,
      ...before.map((it) => `before: ${it}`),
      ...after.map((it) => `after: ${it}`),
    ];
  }

  /** The process dies, and perhaps the power fails with it. */
  async #crash(): Promise<void> {
    await this.#kill();
    this.#calls.clear();
    this.#underWay.clear();
    this.#asked.clear();
    if (this.#random.chance(50)) {
      this.#what = 'recovery';
      await this.#setting.powerFails();
    }
    await this.#takeOver();
    await this.#forgetLost();
  }

  /** A clean end, and what it leaves. */
  async #reopen(): Promise<void> {
    await Promise.all(this.#calls);
    if (this.result.problems.length > 0) return;
    this.#what = 'close';
    await this.#watch(this.#drive.close());
    await this.#rescan;
    await this.#takeOver();
    const lost = await this.#lost();
    if (lost.length > 0) this.#fail([`${lost.join(' ')} was closed and is lost`]);
  }

  async #takeOver(): Promise<void> {
    await this.#watch(this.#open());
    const { device } = this.#drive;
    for (const granule of this.#picture.keys()) {
      this.#picture.set(granule, await granuleOf(device, granule));
    }
    await this.#look();
  }

  async #lost(): Promise<readonly string[]> {
    const bitmaps = await this.#drive.list();
    return bitmaps.filter(({ inconsistent }) => inconsistent).map(({ name }) => name);
  }

  /** What may be lost by a crash is of no more use. */
  async #forgetLost(): Promise<void> {
    const lost = await this.#lost();
    if (lost.length === 0) return;
    await this.#drive.transaction(lost.map((name) => ({ op: 'remove', name })));
    for (const name of lost) this.#forget(name);
  }

  #forget(name: string): void {
    this.#claims = new Map([...this.#claims].filter(([known]) => known !== name));
  }

  #fail(problems: readonly string[]): void {
    if (this.result.problems.length > 0) return;
    this.result.problems = problems.map((problem) => `seed ${this.#options.seed}: ${problem}`);
  }
}
