import { connectNbd, type NbdDevice } from '@tidemark/nbd';
import { GRANULE, SIZE } from './service.ts';

/** Somebody who writes to an export without a pause, over one connection. */
export class Load {
  /** The byte that was last written to each granule, once the write was answered. */
  readonly written = new Map<number, number>();
  /** Granules whose last write may be made or not. */
  readonly unsure = new Set<number>();
  readonly #disk: NbdDevice;
  readonly #ended: Promise<unknown>;
  #writes = 0;
  #isOver = false;
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  private constructor(disk: NbdDevice) {
    this.#disk = disk;
    this.#ended = this.#run();
  }

  static async begin(uri: string): Promise<Load> {
    return new Load(await connectNbd(uri));
  }

  get writes(): number {
    return this.#writes;
  }

  /** Resolves when so many more writes were answered. */
  async more(count: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ count: this.#writes + count, resolve });
    void this.#ended.then((error) => reject(new Error('the load has ended', { cause: error })));
    await promise;
  }

  /** Resolves to what ended it, where that was not `stop`. */
  get ended(): Promise<unknown> {
    return this.#ended;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#ended;
    await this.#disk.close();
  }

  async #run(): Promise<unknown> {
    const granules = SIZE / GRANULE;
    for (let i = 0; !this.#isOver; i = (i + 7) % granules) {
      const byte = 1 + ((this.#writes * 13) % 255);
      this.unsure.add(i);
      try {
        await this.#disk.write(new Uint8Array(4096).fill(byte), i * GRANULE);
      } catch (error) {
        return error;
      }
      this.unsure.delete(i);
      this.written.set(i, byte);
      this.#writes += 1;
      for (const { count, resolve } of this.#waiting) if (this.#writes >= count) resolve();
    }
    return undefined;
  }
}
