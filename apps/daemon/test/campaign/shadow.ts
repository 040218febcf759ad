/** Bytes. Each sector that is written holds the number of its write. */
export const SECTOR = 512;

interface Write {
  readonly first: number;
  readonly count: number;
  /** What the sectors hold afterwards. */
  readonly stamp: number;
  /** It may also do nothing, as a discard does. */
  readonly isHint: boolean;
}

/** What sectors may have held at some time: one value, or one of several where `other` has it. */
export interface Epoch {
  readonly values: Uint32Array;
  readonly others: ReadonlyMap<number, ReadonlySet<number>>;
}

/** What a drive holds by what was asked of it and answered. */
export class Shadow {
  readonly sectors: number;
  /** An answered write is there after a kill only if it was flushed: an image maps it in memory. */
  readonly #isVolatile: boolean;
  /** Answered writes that no flush covers: the last of each sector, by its number in time. */
  readonly #unflushed = new Map<number, { readonly order: number; readonly isHint: boolean }>();
  #order = 0;
  #answers = 0;
  #values: Uint32Array;
  /** Further values that a sector may have instead. */
  #others = new Map<number, Set<number>>();
  readonly #underWay = new Set<Write>();
  /** Writes that overlap in time with what is being observed. */
  readonly #windows = new Set<Set<Write>>();

  constructor(sectors: number, { isVolatile }: { readonly isVolatile: boolean }) {
    this.sectors = sectors;
    this.#isVolatile = isVolatile;
    this.#values = new Uint32Array(sectors);
  }

  /** How many writes were answered. */
  get answered(): number {
    return this.#answers;
  }

  /** Whether none of the sectors is being written: of two writes to one either may win. */
  isFree(first: number, count: number): boolean {
    for (const write of this.#underWay) {
      if (first < write.first + write.count && write.first < first + count) return false;
    }
    return true;
  }

  async during(write: Write, act: () => Promise<void>): Promise<void> {
    this.#underWay.add(write);
    for (const window of this.#windows) window.add(write);
    await act();
    this.#underWay.delete(write);
    this.#answers += 1;
    for (let at = write.first; at < write.first + write.count; at++) this.#answered(at, write);
  }

  async flushing(act: () => Promise<void>): Promise<void> {
    const before = this.#order;
    await act();
    for (const [at, { order, isHint }] of this.#unflushed) {
      if (order > before) continue;
      this.#unflushed.delete(at);
      if (!isHint) this.#others.delete(at);
    }
  }

  /** What the drive holds at a moment within the work, whichever; `end` may be called before its end. */
  begin(): { readonly end: () => Epoch } {
    const window = new Set(this.#underWay);
    this.#windows.add(window);
    const values = this.#values.slice();
    const others = copyOf(this.#others);
    return {
      end: () => {
        this.#windows.delete(window);
        for (const { first, count, stamp } of window) {
          for (let at = first; at < first + count; at++) add(others, at, stamp);
        }
        return { values, others };
      },
    };
  }

  /** The server has died: this is what is there. @returns sectors that hold what they cannot */
  found(content: Uint32Array): readonly number[] {
    for (const { first, count, stamp } of this.#underWay) {
      for (let at = first; at < first + count; at++) add(this.#others, at, stamp);
    }
    this.#underWay.clear();
    this.#windows.clear();
    this.#unflushed.clear();
    const wrong: number[] = [];
    const now = { values: this.#values, others: this.#others };
    for (let at = 0; at < this.sectors; at++) if (!mayHold(now, at, content[at]!)) wrong.push(at);
    this.#values = content;
    this.#others = new Map();
    return wrong;
  }

  #answered(at: number, { stamp, isHint }: Write): void {
    this.#order += 1;
    if (isHint) add(this.#others, at, stamp);
    else {
      if (this.#isVolatile) add(this.#others, at, this.#values[at]!);
      else this.#others.delete(at);
      this.#values[at] = stamp;
    }
    if (this.#isVolatile) this.#unflushed.set(at, { order: this.#order, isHint });
  }
}

export function mayHold({ values, others }: Epoch, at: number, value: number): boolean {
  return values[at] === value || (others.get(at)?.has(value) ?? false);
}

function add(others: Map<number, Set<number>>, at: number, value: number): void {
  const known = others.get(at);
  if (known === undefined) others.set(at, new Set([value]));
  else known.add(value);
}

function copyOf(others: ReadonlyMap<number, ReadonlySet<number>>): Map<number, Set<number>> {
  return new Map([...others].map(([at, values]) => [at, new Set(values)]));
}
