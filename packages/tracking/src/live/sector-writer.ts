interface Sector {
  /** The write under way. */
  running: Promise<void>;
  /** The one after it, which takes the newest content; absent while nobody has asked for it. */
  next: Promise<void> | undefined;
}

/**
 * Writes sectors so that no two writes of one sector are under way at once: the system may do them
 * in either order, and an older state could stay. The content is taken when a write is issued.
 */
export class SectorWriter {
  readonly #write: (sector: number) => Promise<void>;
  readonly #sectors = new Map<number, Sector>();

  /** `write` takes the newest content of the sector synchronously, then writes it. */
  constructor(write: (sector: number) => Promise<void>) {
    this.#write = write;
  }

  /** Resolves when a write that was issued after this call is done. @throws what it throws */
  request(index: number): Promise<void> {
    const sector = this.#sectors.get(index);
    if (sector !== undefined) {
      sector.next ??= this.#after(index, sector);
      return sector.next;
    }
    const first: Sector = { running: Promise.resolve(), next: undefined };
    this.#sectors.set(index, first);
    return this.#issue(index, first);
  }

  /** Resolves when nothing is under way. Nobody may ask for more meanwhile. */
  async drain(): Promise<void> {
    while (this.#sectors.size > 0) {
      const [sector] = this.#sectors.values();
      await (sector!.next ?? sector!.running).catch(() => {});
    }
  }

  async #after(index: number, sector: Sector): Promise<void> {
    await sector.running.catch(() => {});
    sector.next = undefined;
    return this.#issue(index, sector);
  }

  #issue(index: number, sector: Sector): Promise<void> {
    const running = this.#write(index);
    sector.running = running;
    const over = () => {
      if (sector.next === undefined && sector.running === running) this.#sectors.delete(index);
    };
    running.then(over, over);
    return running;
  }
}
