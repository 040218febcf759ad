import {
  broken,
  type Claims,
  claimsAfter,
  type ExplorerAction,
  type FoundBitmap,
  type Picture,
} from './claims.ts';
import { examine } from './examine.ts';
import { Leaks } from './leaks.ts';
import type { Process } from './process.ts';
import type { RunOptions } from './run.ts';
import type { Remains, Setting } from './setting.ts';

/** A whole image is checked for one of so many disks. */
const CHECK_EVERY = 4;

interface Transaction {
  readonly actions: readonly ExplorerAction[];
  /** All that had come to the disk when it was asked for. */
  readonly earlier: Picture;
}

/** Bitmaps, and what the drive holds. */
interface Sight {
  /** Granules of the drive. */
  readonly size: number;
  readonly found: ReadonlyMap<string, FoundBitmap>;
  readonly picture: Picture;
}

/** Knows what is owed to users of the bitmaps, and holds what power cuts leave against it. */
export class Observer {
  problems: readonly string[] = [];
  claims: Claims = new Map();
  /** What each granule holds: changed as soon as a write comes to the disk. */
  readonly picture = new Map<number, number>();
  readonly leaks = new Leaks();
  /** A header that QEMU writes holds no bitmaps while it is torn. */
  losesAll = false;
  readonly #setting: Setting;
  readonly #options: RunOptions;
  /** Disks that were found right, by what was owed then. */
  readonly #right = new Map<Claims, Map<Transaction | undefined, Set<number>>>();
  #transaction: Transaction | undefined;
  #judged = 0;

  constructor(setting: Setting, options: RunOptions) {
    this.#setting = setting;
    this.#options = options;
  }

  /** Looks at what a power cut would leave now. @returns whether it is another than those before */
  async look(process: Process): Promise<boolean> {
    const remains = await this.#setting.cut();
    this.#options.census.note(remains.hash, process.underWay.now);
    const right = this.#rightNow();
    if (right.has(remains.hash)) return false;
    right.add(remains.hash);
    const problems = await this.#judge(remains, this.leaks.look(remains.bitmapFile));
    if (problems.length > 0) this.fail(problems);
    return true;
  }

  /** A process has opened what another one left. `isExact`: see `Leaks`. */
  async begin(sight: Sight, isExact: boolean): Promise<void> {
    const claims = this.#claimsKept(sight);
    if ('problems' in claims) this.fail(claims.problems);
    else this.claims = claims.kept;
    this.#transaction = undefined;
    for (const [granule, stamp] of sight.picture) this.picture.set(granule, stamp);
    this.#forgetFrom(sight.size);
    const { bitmapFile } = await this.#setting.cut();
    this.leaks.begin(bitmapFile, isExact);
  }

  get isChanging(): boolean {
    return this.#transaction !== undefined;
  }

  /** A transaction is asked for. @returns its moment */
  change(actions: readonly ExplorerAction[]): Transaction {
    this.#transaction = { actions, earlier: new Map(this.picture) };
    this.leaks.change(actions);
    return this.#transaction;
  }

  /** It is made. `underWay`: granules of writes that are. */
  changed({ actions, earlier }: Transaction, underWay: ReadonlySet<number>): void {
    const instant = { picture: new Map(this.picture), earlier, underWay };
    this.claims = claimsAfter(this.claims, actions, instant);
    for (const action of actions) if (action.op === 'resize') this.#forgetFrom(action.to);
    this.#transaction = undefined;
    this.leaks.change(undefined);
  }

  fail(problems: readonly string[]): void {
    if (problems.length === 0 || this.problems.length > 0) return;
    this.problems = problems.map((problem) => `seed ${this.#options.seed}: ${problem}`);
  }

  /** What was cut off is zeros when it is added again. */
  #forgetFrom(size: number): void {
    for (const granule of this.picture.keys()) if (granule >= size) this.picture.set(granule, 0);
  }

  #rightNow(): Set<number> {
    let byTransaction = this.#right.get(this.claims);
    if (byTransaction === undefined) {
      this.#right.clear();
      byTransaction = new Map();
      this.#right.set(this.claims, byTransaction);
    }
    let hashes = byTransaction.get(this.#transaction);
    if (hashes === undefined) byTransaction.set(this.#transaction, (hashes = new Set()));
    return hashes;
  }

  async #judge(remains: Remains, check: () => readonly string[]): Promise<readonly string[]> {
    const { bitmapFile } = remains;
    const sight = await examine(remains, this.picture.keys());
    // At once: what is owed changes while others judge.
    const claims = this.#claimsKept(sight);
    const problems = 'problems' in claims ? [...claims.problems] : [];
    this.#judged += 1;
    if (this.#judged % CHECK_EVERY === 0 && !this.losesAll) {
      problems.push(...check());
    }
    return [...problems, ...((await this.#options.judge?.(bitmapFile)) ?? [])];
  }

  /** Either as it was before the transaction under way, or as it is after it. */
  #claimsKept({ found, picture, size }: Sight): { kept: Claims } | { problems: readonly string[] } {
    const { claims } = this;
    const transaction = this.#transaction;
    const mayLose = { losesIdle: this.#setting.losesIdle, losesAll: this.losesAll };
    const resize = transaction?.actions.find((action) => action.op === 'resize');
    const isResized = resize !== undefined && size === resize.to;
    const before = isResized ? ['it is resized'] : broken(claims, found, picture, mayLose);
    if (before.length === 0) return { kept: claims };
    if (transaction === undefined) return { problems: before };
    const { actions, earlier } = transaction;
    // What is owed at least, whenever the change takes effect.
    const instant = { picture: new Map(this.picture), earlier, underWay: new Set<number>() };
    const next = claimsAfter(claims, actions, instant);
    const after = broken(next, found, picture, mayLose);
    if (after.length === 0) return { kept: next };
    return {
      problems: [...before.map((it) => `before: ${it}`), ...after.map((it) => `after: ${it}`)],
    };
  }
}
