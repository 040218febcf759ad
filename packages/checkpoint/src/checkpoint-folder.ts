import { dirname, join, resolve } from 'node:path';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import {
  type IntentFileSystem,
  makeFolder,
  named,
  orMissing,
  readWhole,
  removeWhole,
  replaceWhole,
  syncFolder,
  systemFiles,
} from './file-system.ts';
import type { Intent } from './intent.ts';
import { decodeIntent, encodeIntent, MAX_INTENT_BYTES } from './intent-codec.ts';

/** Intent files in a folder. There are none but of changes that were cut off, so this is plenty. */
const MAX_FILES = 10_000;

/** A file, or the folder, that may tell of an unfinished change and cannot be read. */
export interface UnreadableIntent {
  readonly path: string;
  /** A clause. */
  readonly why: string;
}

/** What a folder of checkpoints holds of changes that a crash cut off, or that are under way. */
export interface FoundIntents {
  readonly intents: readonly Intent[];
  readonly unreadable: readonly UnreadableIntent[];
}

/**
 * A folder of intent files: what changes of several stores are under way, or were cut off. A file is
 * there, durably, from before the first store's commit until after the last one's.
 */
export class CheckpointFolder {
  /** Absolute. */
  readonly path: string;
  readonly #fs: IntentFileSystem;

  constructor(path: string, fs: IntentFileSystem = systemFiles) {
    this.path = resolve(path);
    this.#fs = fs;
  }

  /** Puts an intent there, durably, in the place of one of the same set. @throws I/O codes */
  async put(intent: Intent): Promise<void> {
    const bytes = encodeIntent(intent);
    await makeFolder(this.#fs, this.path);
    await replaceWhole(this.#fs, this.#pathOf(intent.set), bytes);
  }

  /**
   * What was found is durable when this resolves. Whoever put it there may have died before it was,
   * and what is done by it must not outlast it. @throws I/O codes
   */
  async sync(): Promise<void> {
    await syncFolder(this.#fs, this.path);
    await syncFolder(this.#fs, dirname(this.path));
  }

  /** Durably; it may be gone already. @throws I/O codes: it may still be there */
  async remove(set: string): Promise<void> {
    await removeWhole(this.#fs, this.#pathOf(set));
  }

  /** Undefined where it is gone. @throws I/O codes, BITMAP_INVALID: it cannot be read */
  async get(set: string): Promise<Intent | undefined> {
    const path = this.#pathOf(set);
    const bytes = await readWhole(this.#fs, path, MAX_INTENT_BYTES);
    if (bytes === undefined) return undefined;
    const intent = decodeIntent(bytes);
    if (intent?.set === set) return intent;
    throw new TidemarkError('BITMAP_INVALID', `'${path}' is damaged`, {
      where: path,
      hint: 'take full backups of the drives of that checkpoint, then remove the file',
    });
  }

  /** All that are there, by their names. No folder: none. What cannot be read keeps none back. */
  async find(): Promise<FoundIntents> {
    const intents: Intent[] = [];
    const unreadable: UnreadableIntent[] = [];
    const attempt = async <T>(path: string, work: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await work();
      } catch (error) {
        if (!isTidemarkError(error)) throw error;
        unreadable.push({ path, why: error.message });
        return undefined;
      }
    };
    for (const set of (await attempt(this.path, () => this.#sets())) ?? []) {
      const intent = await attempt(this.#pathOf(set), () => this.get(set));
      if (intent !== undefined) intents.push(intent);
    }
    return { intents, unreadable };
  }

  async #sets(): Promise<readonly string[]> {
    const names = await orMissing(named(this.path, () => this.#fs.readdir(this.path)));
    const sets = (names ?? []).flatMap((name) => /^([0-9a-f]{32})\.json$/.exec(name)?.[1] ?? []);
    if (sets.length <= MAX_FILES) return sets.sort();
    throw new TidemarkError('BITMAP_INVALID', `'${this.path}' holds ${sets.length} intent files`);
  }

  #pathOf(set: string): string {
    return join(this.path, `${set}.json`);
  }
}
