import { MemoryDevice } from '@tidemark/block';

/** Holds back what it is told to until it is let go. */
export class HeldDevice extends MemoryDevice {
  readonly #gate = Promise.withResolvers<void>();
  readonly #arrivals: (() => void)[] = [];
  /** Writes that have begun. */
  writes = 0;

  /** Resolves when that many writes have begun. */
  async begun(writes: number): Promise<void> {
    while (this.writes < writes) {
      await new Promise<void>((resolve) => this.#arrivals.push(resolve));
    }
  }

  letGo(): void {
    this.#gate.resolve();
  }

  /** Nothing is at hand. */
  override writeNow(): boolean {
    return false;
  }

  override async write(source: Uint8Array, offset: number): Promise<void> {
    this.writes += 1;
    for (const arrived of this.#arrivals.splice(0)) arrived();
    await this.#gate.promise;
    await super.write(source, offset);
  }
}

/** Notes which call came, in order, and when each was done. */
export class NotingDevice extends MemoryDevice {
  readonly notes: string[] = [];

  /** Nothing is at hand. */
  override readNow(): boolean {
    return false;
  }

  override writeNow(): boolean {
    return false;
  }

  override async read(target: Uint8Array, offset: number): Promise<void> {
    this.notes.push(`read ${target.length}@${offset}`);
    await super.read(target, offset);
  }

  override async write(source: Uint8Array, offset: number): Promise<void> {
    this.notes.push(`write ${source.length}@${offset}`);
    await super.write(source, offset);
    this.notes.push('written');
  }

  override async writeZeroes(
    offset: number,
    length: number,
    options?: { unmap?: boolean },
  ): Promise<void> {
    this.notes.push(`zeroes ${length}@${offset} ${options?.unmap === false ? 'kept' : 'unmapped'}`);
    await super.writeZeroes(offset, length);
    this.notes.push('zeroed');
  }

  override async discard(offset: number, length: number): Promise<void> {
    this.notes.push(`discard ${length}@${offset}`);
    await super.writeZeroes(offset, length);
    this.notes.push('discarded');
  }

  override async flush(): Promise<void> {
    this.notes.push('flush');
    await super.flush();
  }
}
