import { createHash } from 'node:crypto';
import type { FileSystem, OpenFile } from './file-system.ts';
import { writeFully } from './whole-files.ts';

/** Bytes of one write, and of each of the two buffers. */
const BUFFER_SIZE = 1024 * 1024;

/** A file as a manifest names it. */
export interface FileDigest {
  readonly name: string;
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/**
 * A new file that is written from front to back in large pieces: one fills while the other is
 * being written. Nothing is durable before `finish`.
 */
export class SequentialFile {
  readonly #file: OpenFile;
  readonly #hash = createHash('sha256');
  #filling: Uint8Array = Buffer.allocUnsafe(BUFFER_SIZE);
  #spare: Uint8Array = Buffer.allocUnsafe(BUFFER_SIZE);
  #used = 0;
  #written = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: OpenFile) {
    this.#file = file;
  }

  static async create(fs: FileSystem, path: string): Promise<SequentialFile> {
    return new SequentialFile(await fs.open(path, 'wx'));
  }

  /** Takes a copy of `bytes`. */
  async append(bytes: Uint8Array): Promise<void> {
    let taken = 0;
    while (taken < bytes.length) {
      const part = bytes.subarray(taken, taken + BUFFER_SIZE - this.#used);
      this.#filling.set(part, this.#used);
      this.#used += part.length;
      taken += part.length;
      if (this.#used === BUFFER_SIZE) await this.#drain();
    }
  }

  async #drain(): Promise<void> {
    await this.#writing;
    const full = this.#filling.subarray(0, this.#used);
    [this.#filling, this.#spare] = [this.#spare, this.#filling];
    this.#used = 0;
    this.#writing = writeFully(this.#file, full, this.#written);
    // Whoever waits next gets the failure; until then it must not count as unhandled.
    this.#writing.catch(() => {});
    this.#written += full.length;
    this.#hash.update(full);
  }

  /** Writes what is left, syncs and closes. */
  async finish(): Promise<Omit<FileDigest, 'name'>> {
    await this.#drain();
    await this.#writing;
    await this.#file.sync();
    await this.#file.close();
    return { size: this.#written, sha256: this.#hash.digest('hex') };
  }

  /** Closes without a word about what was written. */
  async abandon(): Promise<void> {
    await this.#writing.catch(() => {});
    await this.#file.close().catch(() => {});
  }
}
