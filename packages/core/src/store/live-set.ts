import type { LiveBackend, LiveBitmaps, LiveBits } from '../live.ts';

/** The bits of live bitmaps. They are written past the queue: marks must not wait for a commit. */
export class LiveSet implements LiveBitmaps {
  readonly #backend: LiveBackend;
  readonly #assertSound: () => void;
  readonly #bits = new Map<string, LiveBits>();

  constructor(backend: LiveBackend, assertSound: () => void) {
    this.#backend = backend;
    this.#assertSound = assertSound;
  }

  has(name: string): boolean {
    return this.#bits.has(name);
  }

  async open(names: Iterable<string>): Promise<void> {
    for (const name of names) this.#bits.set(name, await this.#backend.openBits(name));
  }

  close(name: string): void {
    this.#bits.delete(name);
  }

  bits(name: string): LiveBits {
    const bits = this.#bits.get(name);
    if (bits === undefined) throw new RangeError(`bitmap '${name}' is not live`);
    const assertCurrent = () => {
      this.#assertSound();
      if (this.#bits.get(name) === bits) return;
      throw new RangeError(`bitmap '${name}' was changed: ask for its bits again`);
    };
    return {
      write: async (bytes, at) => {
        assertCurrent();
        await bits.write(bytes, at);
      },
    };
  }

  async sync(): Promise<void> {
    this.#assertSound();
    await this.#backend.sync();
  }
}
