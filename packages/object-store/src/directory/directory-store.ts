import { randomBytes } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import { TidemarkError } from '@tidemark/core';
import { noObject, objectTooShort, storeClosed } from '../errors.ts';
import { checkKey, checkPrefix, isKey } from '../keys.ts';
import { NumberedReferences } from '../numbered-references.ts';
import type { ObjectRange, ObjectStore, ObjectWriter, StoredObject } from '../object-store.ts';
import { systemError } from './system-error.ts';
import { errnoOf, type FileSystem, readSome, systemFiles } from './file-system.ts';
import { Folders } from './folders.ts';
import { NewFile } from './new-file.ts';

/** Of a whole object that is read at once. */
const MAX_OBJECT_SIZE = 1024 * 1024 * 1024;
const TEMPORARY = '.new';
/** A file that nobody has finished for so long is what a killed writer left. Milliseconds. */
const LEFTOVER_AGE = 24 * 60 * 60 * 1000;

/** Of a new `DirectoryObjectStore`. */
export interface DirectoryObjectStoreOptions {
  /** Default node:fs/promises. */
  readonly fs?: FileSystem;
}

/**
 * Objects as files. A new one is written under a name that nobody reads, synced, linked to its own
 * name (the commit point) and its folder synced; an old one is never written to.
 */
export class DirectoryObjectStore extends NumberedReferences implements ObjectStore {
  readonly label: string;
  readonly path: string;
  readonly #fs: FileSystem;
  readonly #folders: Folders;
  #isClosed = false;

  constructor(path: string, { fs = systemFiles }: DirectoryObjectStoreOptions = {}) {
    super();
    this.path = resolve(path);
    this.label = `directory '${path}'`;
    this.#fs = fs;
    this.#folders = new Folders(fs);
  }

  async get(key: string, range?: ObjectRange): Promise<Uint8Array> {
    const path = this.#pathOf(key);
    return this.#named(key, async () => {
      const file = await this.#fs.open(path, 'r');
      try {
        const { size } = await file.stat();
        const { offset, length } = range ?? { offset: 0, length: size };
        const end = offset + length;
        if (end > size) throw objectTooShort(this.label, key, end);
        if (length > MAX_OBJECT_SIZE) throw tooLarge(this.label, key, length);
        const bytes = await readSome(file, offset, length);
        if (bytes.length < length) throw objectTooShort(this.label, key, end);
        return bytes;
      } finally {
        await file.close();
      }
    });
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    const path = this.#pathOf(key);
    const file = this.#newFile(async () => this.#folders.make(dirname(path)));
    try {
      await file.append(bytes);
      return await file.finish(key);
    } finally {
      await file.abandon();
    }
  }

  newObject(): ObjectWriter {
    this.#assertOpen();
    return this.#newFile(async () => {});
  }

  #newFile(prepare: () => Promise<void>): NewFile {
    const temporaries = join(this.path, TEMPORARY);
    const path = join(temporaries, randomBytes(12).toString('hex'));
    return new NewFile(this.#fs, path, {
      prepare: async () => {
        await prepare();
        await this.#makeTemporaries(temporaries);
      },
      place: async (key) => {
        const target = this.#pathOf(key);
        return this.#named(key, async () => this.#link(path, target));
      },
    });
  }

  /** The commit point of an object. @returns false: the name was taken */
  async #link(temporary: string, path: string): Promise<boolean> {
    await this.#folders.make(dirname(path));
    let isNew = true;
    try {
      await this.#fs.link(temporary, path);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      isNew = false;
    }
    // Also one that was there: who has put it may not have come so far.
    await this.#folders.sync(dirname(path));
    return isNew;
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    checkPrefix(prefix);
    this.#assertOpen();
    yield* this.#walk(prefix);
  }

  async *#walk(prefix: string): AsyncGenerator<StoredObject> {
    const folder = join(this.path, prefix);
    const names = await this.#named(prefix, async () => this.#entries(folder));
    for (const name of names) {
      const key = prefix + name;
      if (!isKey(key)) continue;
      const found = await this.#named(key, async () => this.#look(join(folder, name)));
      if (found === 'folder') yield* this.#walk(`${key}/`);
      else if (found !== undefined) yield { key, size: found.size, stored: found.mtimeMs };
    }
  }

  async #entries(folder: string): Promise<readonly string[]> {
    try {
      const names = await this.#fs.readdir(folder);
      // Who has linked what is seen here may not have come as far as to sync it.
      await this.#folders.sync(folder);
      return names.toSorted();
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  async #look(path: string) {
    try {
      const status = await this.#fs.stat(path);
      return 'isDirectory' in status && isFolder(status) ? 'folder' : status;
    } catch (error) {
      // Removed since the folder was read.
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async delete(key: string): Promise<void> {
    const path = this.#pathOf(key);
    await this.#named(key, async () => {
      await this.#unlink(path);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #temporaries: Promise<void> | undefined;

  async #makeTemporaries(folder: string): Promise<void> {
    this.#temporaries ??= this.#folders.make(folder).then(() => this.#removeLeftovers(folder));
    try {
      await this.#temporaries;
    } catch (error) {
      this.#temporaries = undefined;
      throw error;
    }
  }

  async #removeLeftovers(folder: string): Promise<void> {
    for (const name of await this.#fs.readdir(folder)) {
      const status = await this.#look(join(folder, name));
      if (status === undefined || status === 'folder') continue;
      if (status.mtimeMs < Date.now() - LEFTOVER_AGE) await this.#unlink(join(folder, name));
    }
  }

  async #unlink(path: string): Promise<void> {
    try {
      await this.#fs.unlink(path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }

  #pathOf(key: string): string {
    checkKey(key);
    this.#assertOpen();
    return join(this.path, key);
  }

  #assertOpen(): void {
    if (this.#isClosed) throw storeClosed(this.label);
  }

  async #named<T>(key: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') throw noObject(this.label, key, error);
      throw systemError(error, join(this.path, key));
    }
  }
}

function isFolder(status: { readonly isDirectory: unknown }): boolean {
  return typeof status.isDirectory === 'function' && status.isDirectory() === true;
}

function tooLarge(label: string, key: string, length: number): TidemarkError {
  const message = `object '${key}' in ${label} has ${length} bytes, more than any should`;
  return new TidemarkError('BACKUP_CORRUPT', message, { where: label });
}
