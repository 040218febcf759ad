import { dirname } from 'node:path';
import { errnoOf, type FileSystem } from './file-system.ts';

/** The folders of a store: made when they are needed, and made durable together. */
export class Folders {
  readonly #fs: FileSystem;
  readonly #known = new Set<string>();
  readonly #syncs = new Map<string, Promise<void>>();

  constructor(fs: FileSystem) {
    this.#fs = fs;
  }

  /** The folder is there, and its name is durable. */
  async make(folder: string): Promise<void> {
    if (this.#known.has(folder)) return;
    try {
      await this.#fs.mkdir(folder);
    } catch (error) {
      const parent = dirname(folder);
      const errno = errnoOf(error);
      if (errno === 'ENOENT' && parent !== folder) {
        await this.make(parent);
        await this.make(folder);
        return;
      }
      if (errno !== 'EEXIST') throw error;
    }
    // Also where somebody else has made it: they may not have come so far.
    await this.sync(dirname(folder));
    this.#known.add(folder);
  }

  /**
   * The names in a folder are durable. Who comes while a sync is under way joins the next one: that
   * one begins after its name was there.
   */
  async sync(folder: string): Promise<void> {
    const waiting = this.#syncs.get(`next ${folder}`);
    if (waiting !== undefined) return waiting;
    const running = this.#syncs.get(folder);
    if (running === undefined) return this.#begin(folder, folder);
    const next = running
      .catch(() => {})
      .then(() => {
        this.#syncs.delete(`next ${folder}`);
        return this.#begin(folder, folder);
      });
    this.#syncs.set(`next ${folder}`, next);
    return next;
  }

  async #begin(folder: string, key: string): Promise<void> {
    const sync = this.#sync(folder).finally(() => this.#syncs.delete(key));
    this.#syncs.set(key, sync);
    return sync;
  }

  async #sync(folder: string): Promise<void> {
    const directory = await this.#fs.open(folder, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}
