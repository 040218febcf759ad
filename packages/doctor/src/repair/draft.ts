import type { MemoryBudget } from '../count/memory-budget.ts';
import type { Source } from '../layout/source.ts';

export const SECTOR = 512;

/** Sectors that are written together, in any order; a flush comes before and after them. */
export interface Phase {
  readonly name: string;
  /** Host offset of a sector and what it holds then. */
  readonly sectors: Map<number, Uint8Array>;
}

/**
 * Changes of an image, in the order in which they will be made. Nothing is written: each change is
 * made to the sector as the phases before have left it.
 */
export class Draft {
  readonly phases: Phase[] = [];
  /** Every sector that is changed, as it will be in the end. */
  readonly latest = new Map<number, Uint8Array>();
  readonly #source: Source;
  readonly #budget: MemoryBudget;
  readonly #clean = new Map<number, Uint8Array>();

  constructor(source: Source, budget: MemoryBudget) {
    this.#source = source;
    this.#budget = budget;
  }

  /** Bytes of the file when all is written. */
  get size(): number {
    let end = this.#source.size;
    for (const offset of this.latest.keys()) {
      if (offset >= this.#source.size) end = Math.max(end, offset + SECTOR);
    }
    return end;
  }

  begin(name: string): void {
    this.phases.push({ name, sectors: new Map() });
  }

  /** What the sector holds after the changes so far. Not to be changed. */
  async sector(offset: number): Promise<Uint8Array> {
    const known = this.latest.get(offset) ?? this.#clean.get(offset);
    if (known !== undefined) return known;
    const read = await this.#source.read(offset, SECTOR);
    // One is kept, for the many changes that come one behind the other.
    this.#clean.clear();
    this.#clean.set(offset, read);
    return read;
  }

  /** Changes bytes in the phase that was begun last. */
  async set(offset: number, bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const start = Math.floor((offset + done) / SECTOR) * SECTOR;
      const at = offset + done - start;
      const part = bytes.subarray(done, done + SECTOR - at);
      (await this.#change(start)).set(part, at);
      done += part.length;
    }
  }

  /** Leaves out phases that change nothing. */
  prune(): void {
    const used = this.phases.filter(({ sectors }) => sectors.size > 0);
    this.phases.splice(0, this.phases.length, ...used);
  }

  async #change(offset: number): Promise<Uint8Array> {
    const phase = this.phases.at(-1)!;
    const begun = phase.sectors.get(offset);
    if (begun !== undefined) return begun;
    this.#budget.take(SECTOR);
    const copy = (await this.sector(offset)).slice();
    phase.sectors.set(offset, copy);
    this.latest.set(offset, copy);
    return copy;
  }
}
