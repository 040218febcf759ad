/** Regions by their number, both ends included. */
export interface RegionSpan {
  readonly first: number;
  readonly last: number;
}

/** Regions that are being marked or narrowed. */
export class BusyRegions {
  readonly #busy = new Map<number, Promise<void>>();

  has(region: number): boolean {
    return this.#busy.has(region);
  }

  within({ first, last }: RegionSpan): readonly Promise<void>[] {
    const found = new Set<Promise<void>>();
    for (let region = first; region <= last; region++) {
      const work = this.#busy.get(region);
      if (work !== undefined) found.add(work);
    }
    return [...found];
  }

  /** Resolves when all that is under way is over, well or badly. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#busy.values());
  }

  /** Nothing else may be at work there. @throws what it throws */
  async work({ first, last }: RegionSpan, act: () => Promise<void>): Promise<void> {
    const work = act();
    for (let region = first; region <= last; region++) this.#busy.set(region, work);
    try {
      await work;
    } finally {
      for (let region = first; region <= last; region++) this.#busy.delete(region);
    }
  }
}
