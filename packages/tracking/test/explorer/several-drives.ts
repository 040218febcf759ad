import { CheckpointFolder } from '@tidemark/checkpoint';
import { FOLDER } from '../../../../tools/device/volatile-files.ts';
import { runTransaction } from '../../src/index.ts';
import type { Census } from './census.ts';
import { BITMAP, type Cut, DriveOfSeveral, type Found } from './drive-of-several.ts';
import { FolderOfIntents } from './folder-of-intents.ts';
import { imageSetting } from './image-setting.ts';
import { Random } from './random.ts';
import type { SectorDevice } from './sectors.ts';
import { GRANULE } from './setting.ts';
import { sidecarSetting } from './sidecar-setting.ts';
import { turn } from './slow-disk.ts';
import { Workload } from './workload.ts';

export interface SeveralDrivesOptions {
  readonly seed: number;
  readonly steps: number;
  /** Percent of moments at which power cuts are looked at. */
  readonly cuts: number;
  readonly census: Census;
  /** Judges a file that holds bitmaps after a power cut in its own way, too. */
  readonly judge?: (bitmapFile: SectorDevice) => Promise<readonly string[]>;
  /** Added to. */
  readonly seen: Seen;
}

/** How much there was to see. */
interface Seen {
  /** Checkpoints that were made. */
  made: number;
  /** Disks on which the drives differ in their checkpoints. */
  differing: number;
  /** Crashes that a checkpoint was finished after. */
  finished: number;
}

/**
 * Checkpoints over two images and a raw drive, under random writes to all of them. At random moments
 * the power fails for all at once: each bitmap has to hold what changed since its checkpoint, and
 * where the drives differ in theirs, none of them may tell it before all have been opened again.
 * @returns what is wrong
 */
export async function exploreSeveralDrives(
  options: SeveralDrivesOptions,
): Promise<readonly string[]> {
  const run = new SeveralDrives(options);
  await run.begin();
  for (let step = 0; step < options.steps && run.problems.length === 0; step++) await run.step();
  return run.problems;
}

class SeveralDrives {
  problems: readonly string[] = [];
  readonly #options: SeveralDrivesOptions;
  readonly #random: Random;
  readonly #folder: FolderOfIntents;
  readonly #workloads: readonly Workload[];
  #drives: readonly DriveOfSeveral[] = [];
  #life = { isDead: false };
  #calls = new Set<Promise<void>>();
  /** The checkpoint that is being made. */
  #making: string | undefined;
  #count = 0;

  constructor(options: SeveralDrivesOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#folder = new FolderOfIntents(this.#random);
    this.#workloads = [0, 1, 2].map(() => new Workload(this.#random, 100));
  }

  async begin(): Promise<void> {
    const settings = [imageSetting, sidecarSetting, imageSetting];
    const made = [];
    for (const make of settings) made.push(await make(this.#random));
    this.#drives = made.map((setting, index) => new DriveOfSeveral(`/vm/${index}`, setting));
    await this.#open(true);
    this.#checkpoint();
    await Promise.all(this.#calls);
  }

  async step(): Promise<void> {
    const dice = this.#random.int(100);
    if (dice < 55) this.#write();
    else if (dice < 75) this.#checkpoint();
    else if (dice < 76) await this.#crash();
    for (const { setting } of this.#drives) setting.pass(this.#calls.size === 0);
    for (let turns = this.#random.int(6); turns > 0; turns--) await this.#turn();
  }

  #write(): void {
    const index = this.#random.int(this.#drives.length);
    const write = this.#workloads[index]!.next(this.#drives[index]!.process);
    if (write !== undefined) this.#call(write);
  }

  /** Begins the bitmap anew on all drives; the first time it is added. */
  #checkpoint(): void {
    if (this.#making !== undefined) return;
    const checkpoint = (++this.#count).toString(16).padStart(32, '0');
    const isFirst = this.#drives.every(({ process }) => process.drive.bitmap(BITMAP) === undefined);
    const shape = { persistent: true, granularity: GRANULE };
    const action = isFirst
      ? ({ op: 'add', name: BITMAP, ...shape } as const)
      : ({ op: 'clear', name: BITMAP } as const);
    const actions = this.#drives.map(({ process }) => ({ drive: process.drive, action }));
    for (const { leaks } of this.#drives) leaks.change([action]);
    const life = this.#life;
    const checkpoints = this.#intents(() => life.isDead);
    this.#making = checkpoint;
    this.#call(async () => {
      await runTransaction(actions, { checkpoints, checkpoint });
      for (const { epochs, picture, process, leaks } of this.#drives) {
        epochs.begin(checkpoint, picture, process.arrived);
        leaks.change(undefined);
      }
      this.#options.seen.made += 1;
      this.#making = undefined;
    });
  }

  #call(act: () => Promise<void>): void {
    const life = this.#life;
    const call = act().catch((error: unknown) => {
      if (!life.isDead) this.#fail([String(error)]);
    });
    this.#calls.add(call);
    void call.finally(() => this.#calls.delete(call));
  }

  /** The process that serves them dies, and with it perhaps the power fails. */
  async #crash(): Promise<void> {
    this.#life.isDead = true;
    await Promise.all(this.#drives.map(({ process }) => process.kill()));
    this.#calls = new Set();
    this.#noteMaking();
    this.#making = undefined;
    const isPowerCut = this.#random.chance(60);
    if (isPowerCut) {
      this.#folder.powerFails();
      await Promise.all(this.#drives.map(({ setting }) => setting.powerFails()));
    }
    this.#life = { isDead: false };
    await this.#open(isPowerCut);
    const told = new Set(await Promise.all(this.#drives.map((drive) => drive.told())));
    const [only] = told;
    if (told.size > 1 || (only !== undefined && !/^[0-9a-f]{32}$/.test(only))) {
      this.#fail([`opened again, the drives tell ${[...told].join(', ')}`]);
    }
    if (this.#folder.count > 0) this.#fail(['an intent is left where all drives were opened']);
  }

  /** In any order, and looked at meanwhile. */
  async #open(isExact: boolean): Promise<void> {
    const life = this.#life;
    this.#options.seen.finished += this.#folder.count;
    const first = this.#random.int(this.#drives.length);
    const order = [...this.#drives.slice(first), ...this.#drives.slice(0, first)];
    for (const drive of order) {
      const progress = { isOver: false };
      const opening = drive
        .open(this.#folder, () => life.isDead, isExact)
        .finally(() => {
          progress.isOver = true;
        });
      while (!progress.isOver) await this.#turn(this.#options.cuts / 5);
      await opening;
    }
  }

  async #turn(cuts = this.#options.cuts): Promise<void> {
    await turn();
    if (this.#random.chance(cuts)) await this.#look();
  }

  async #look(): Promise<void> {
    this.#noteMaking();
    const isMaking = this.#making !== undefined || this.#folder.count > 0;
    // All of it in one tick: the power fails for all at once.
    const folder = this.#folder.cut();
    const cuts = await Promise.all(this.#drives.map((drive) => drive.cut()));
    const hash = cuts.reduce((sum, { remains }) => (sum * 31 + remains.hash) % 2 ** 53, 7);
    this.#options.census.note(hash, [isMaking ? 'several drives' : 'write']);
    const intents = new CheckpointFolder(`/${FOLDER}`, folder);
    const found: (Found | undefined)[] = [];
    for (const [index, drive] of this.#drives.entries()) {
      found.push(await drive.judge(cuts[index]!, intents));
      this.#fail(await this.#judgeFile(cuts[index]!));
    }
    const differ = new Set(found.map((state) => state?.checkpoint)).size > 1;
    this.#options.seen.differing += differ ? 1 : 0;
    this.#fail([...staleIn(found), ...(differ ? tellingIn(found) : [])]);
  }

  /** Whatever its bitmaps say. */
  async #judgeFile({ remains, check }: Cut): Promise<readonly string[]> {
    const problems = this.#random.chance(25) ? check() : [];
    return [...problems, ...((await this.#options.judge?.(remains.bitmapFile)) ?? [])];
  }

  /** What is owed at least, whenever the checkpoint under way takes effect. */
  #noteMaking(): void {
    if (this.#making === undefined) return;
    for (const { epochs, picture } of this.#drives) {
      epochs.begin(this.#making, picture, new Set());
    }
  }

  #intents(isDead: () => boolean): CheckpointFolder {
    return new CheckpointFolder(`/${FOLDER}`, this.#folder.session(isDead));
  }

  #fail(problems: readonly string[]): void {
    if (problems.length === 0 || this.problems.length > 0) return;
    this.problems = problems.map((problem) => `seed ${this.#options.seed}: ${problem}`);
  }
}

function staleIn(found: readonly (Found | undefined)[]): readonly string[] {
  return found.flatMap((state, index) =>
    state === undefined || state.stale.length === 0
      ? []
      : [`drive ${index} is stale at ${state.stale.join(' ')} since ${state.checkpoint}`],
  );
}

/** Where they differ, none may tell its checkpoint. */
function tellingIn(found: readonly (Found | undefined)[]): readonly string[] {
  return found.flatMap((state, index) =>
    state === undefined || state.lost !== undefined
      ? []
      : [`drive ${index} tells ${state.checkpoint}, and others have another checkpoint`],
  );
}
