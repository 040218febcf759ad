import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import { createQcow2, openQcow2, type Qcow2Image } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { type BitmapAction, openTrackedDrive, type TrackedDrive } from '../../src/index.ts';
import { broken, type Claims, claimsAfter, type FoundBitmap, type Picture } from './claims.ts';
import { type CrashDisk, diskHolding } from './crash-disk.ts';
import { Random } from './random.ts';
import { turn } from './slow-disk.ts';

/** Bytes. A granule is a sector, so that a cut leaves it whole. */
const GRANULE = 512;
const GRANULES = 3 * 4096;
const NAMES = ['a', 'b', 'c'];
const MAX_WRITES = 4;
/** Where most writes go: the first granules, and how many there are. */
const AREAS = [0, 4096, 12_192];
const AREA = 48;

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
  /** Judges a disk after a power cut in its own way, too. */
  readonly judge?: (disk: MemoryDevice) => Promise<readonly string[]>;
}

/**
 * A drive with live bitmaps in a qcow2 image, on a disk with a volatile cache, under random writes
 * and changes of bitmaps. At random moments it looks at what a power cut would leave; now and then
 * the process dies or the power fails, and the run goes on with what is left.
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
  #disk!: CrashDisk;
  #drive!: TrackedDrive;
  #kill!: () => Promise<void>;
  #claims: Claims = new Map();
  #transaction:
    | { readonly actions: readonly BitmapAction[]; readonly earlier: Picture }
    | undefined;
  #what = 'write';
  #stamp = 0;

  constructor(options: ExplorerOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  async begin(): Promise<void> {
    const content = new MemoryDevice({ size: 0 });
    await createQcow2(content, { size: GRANULES * GRANULE, clusterSize: 512 });
    // Allocated before, so that a write is on the disk at once, and not by the flush that links it.
    const image = await openQcow2(unclosed(content), { writable: true });
    for (const area of AREAS) await image.write(new Uint8Array(AREA * GRANULE), area * GRANULE);
    await image.close();
    this.#disk = await diskHolding(content, this.#random);
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
    for (let turns = this.#random.int(6); turns > 0; turns--) {
      await turn();
      if (this.#random.chance(this.#options.cuts)) await this.#look();
    }
  }

  async finish(): Promise<void> {
    await this.#kill();
  }

  async #open(): Promise<void> {
    const { device, kill } = this.#disk.session();
    this.#kill = kill;
    const image = await openQcow2(device, { writable: true });
    this.#drive = await openTrackedDrive({
      device: this.#arrivals(image),
      label: 'd',
      stores: [await openQcow2Store(image)],
      writable: true,
      durability: 'live',
      clusterSize: 512,
      marks: { regionSize: 16 * GRANULE, maxOpen: 8 * 16 * GRANULE, idleAfter: 0 },
    });
  }

  /** Sees what comes to the image, and notes it before the image does. */
  #arrivals(image: Qcow2Image): BlockDevice {
    const arrive = async (
      offset: number,
      count: number,
      stamp: number,
      act: () => Promise<void>,
    ) => {
      const granules = Array.from({ length: count }, (_, i) => offset / GRANULE + i);
      for (const granule of granules) {
        this.#picture.set(granule, stamp);
        this.#underWay.add(granule);
      }
      await act();
      for (const granule of granules) this.#underWay.delete(granule);
    };
    return new Proxy<BlockDevice>(image, {
      get: (target, key): unknown => {
        if (key === 'write') {
          return (source: Uint8Array, offset: number) =>
            arrive(offset, source.length / GRANULE, stampOf(source), () =>
              target.write(source, offset),
            );
        }
        if (key === 'writeZeroes') {
          return (offset: number, length: number) =>
            arrive(offset, length / GRANULE, 0, () => target.writeZeroes(offset, length));
        }
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
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
    this.#stamp += 1;
    for (let at = 0; at < bytes.length; at += GRANULE)
      new DataView(bytes.buffer).setUint32(at, this.#stamp);
    this.#call(() => device.write(bytes, first * GRANULE).finally(over));
  }

  #transact(): void {
    if (this.#transaction !== undefined) return;
    const actions = this.#actions();
    if (actions.length === 0) return;
    const earlier = new Map(this.#picture);
    this.#transaction = { actions, earlier };
    this.#what = actions.length > 1 ? 'group' : actions[0]!.op;
    this.#call(async () => {
      await this.#drive.transaction(actions);
      this.#claims = claimsAfter(this.#claims, actions, {
        picture: new Map(this.#picture),
        earlier,
        underWay: new Set(this.#underWay),
      });
      this.#transaction = undefined;
    });
  }

  /** One that is not refused. */
  #actions(): readonly BitmapAction[] {
    const name = this.#random.pick(NAMES);
    const claim = this.#claims.get(name);
    if (claim === undefined) {
      return [
        {
          op: 'add',
          name,
          persistent: true,
          granularity: GRANULE,
          disabled: this.#random.chance(20),
        },
      ];
    }
    const other = this.#random.pick([...this.#claims.keys()]);
    const free = NAMES.find((candidate) => !this.#claims.has(candidate));
    const choices: BitmapAction[][] = [
      [{ op: 'clear', name }],
      [{ op: claim.enabled ? 'disable' : 'enable', name }],
      [{ op: 'merge', target: name, sources: [other] }],
      [{ op: 'clear', name }, ...(other === name ? [] : [{ op: 'clear', name: other } as const])],
      [{ op: 'remove', name }],
    ];
    if (free !== undefined) {
      choices.push([
        { op: 'add', name: free, persistent: true, granularity: GRANULE, disabled: true },
        { op: 'merge', target: free, sources: [name] },
        { op: 'clear', name },
      ]);
    }
    return this.#random.pick(choices);
  }

  #call(act: () => Promise<void>): void {
    const call = act().catch((error: unknown) => this.#fail([String(error)]));
    this.#calls.add(call);
    void call.finally(() => this.#calls.delete(call));
  }

  async #look(): Promise<void> {
    const disk = await this.#disk.cut();
    this.result.states += 1;
    this.result.during[this.#what] = (this.result.during[this.#what] ?? 0) + 1;
    const problems = await this.#judge(disk);
    if (problems.length > 0) this.#fail(problems);
  }

  /** Either as it was before the transaction under way, or as it is after it. */
  async #judge(disk: MemoryDevice): Promise<readonly string[]> {
    const { found, picture } = await examine(disk, this.#picture.keys());
    const outside = (await this.#options.judge?.(disk)) ?? [];
    const before = broken(this.#claims, found, picture);
    if (before.length === 0 || this.#transaction === undefined) return [...outside, ...before];
    const { actions, earlier } = this.#transaction;
    // What is owed at least, whenever the change takes effect.
    const instant = { picture: new Map(this.#picture), earlier, underWay: new Set<number>() };
    const claims = claimsAfter(this.#claims, actions, instant);
    const after = broken(claims, found, picture);
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
      this.#disk = await diskHolding(await this.#disk.cut(), this.#random);
    }
    await this.#takeOver();
  }

  /** A clean end, and what it leaves. */
  async #reopen(): Promise<void> {
    await Promise.all(this.#calls);
    if (this.result.problems.length > 0) return;
    this.#what = 'close';
    await this.#drive.close();
    await this.#takeOver();
  }

  async #takeOver(): Promise<void> {
    await this.#open();
    const { device } = this.#drive;
    for (const granule of this.#picture.keys()) {
      this.#picture.set(granule, await granuleOf(device, granule));
    }
    await this.#look();
  }

  #fail(problems: readonly string[]): void {
    if (this.result.problems.length > 0) return;
    this.result.problems = problems.map((problem) => `seed ${this.#options.seed}: ${problem}`);
  }
}

function unclosed(device: MemoryDevice): BlockDevice {
  return new Proxy<BlockDevice>(device, {
    get(target, key) {
      if (key === 'close') return async () => {};
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

async function examine(disk: MemoryDevice, granules: Iterable<number>) {
  const image = await openQcow2(disk);
  const store = await openQcow2Store(image);
  const found = new Map<string, FoundBitmap>();
  for (const { name, state, enabled } of await store.list()) {
    const bits = state === 'stored' ? await store.load(name) : undefined;
    const isDirty = (granule: number) => bits?.isDirty(granule * GRANULE) ?? false;
    found.set(name, { state, enabled, isDirty });
  }
  const picture = new Map<number, number>();
  for (const granule of granules) picture.set(granule, await granuleOf(image, granule));
  return { found, picture };
}

async function granuleOf(device: BlockDevice, granule: number): Promise<number> {
  const bytes = new Uint8Array(GRANULE);
  await device.read(bytes, granule * GRANULE);
  return stampOf(bytes);
}

function stampOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}
