import * as nodeFs from 'node:fs/promises';
import { dirname } from 'node:path';
import { fromSystemError } from '@tidemark/block';
import { isTidemarkError } from '@tidemark/core';

/** What intent files need of an open file. */
export interface IntentFileHandle {
  readFile(): Promise<Uint8Array>;
  stat(): Promise<{ readonly size: number | bigint }>;
  writeFile(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What intent files need of a file system: node:fs/promises, or a wrapper that injects faults. */
export interface IntentFileSystem {
  open(path: string, flags: string): Promise<IntentFileHandle>;
  mkdir(path: string): Promise<string | undefined | void>;
  readdir(path: string): Promise<string[]>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

export const systemFiles: IntentFileSystem = nodeFs;

/** As `work`, with errors that name the path. */
export async function named<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fromSystemError(error, path);
  }
}

/** Undefined where there is no such file. @throws I/O codes; also where it is larger than `limit` */
export async function readWhole(
  fs: IntentFileSystem,
  path: string,
  limit: number,
): Promise<Uint8Array | undefined> {
  const file = await orMissing(named(path, () => fs.open(path, 'r')));
  if (file === undefined) return undefined;
  return named(path, async () => {
    try {
      if (Number((await file.stat()).size) > limit) throw new RangeError('it is too large');
      return await file.readFile();
    } finally {
      await file.close();
    }
  });
}

/**
 * Puts a file in the place of another one, or makes it: durably when this resolves, and whole or not
 * at all when it does not.
 */
export async function replaceWhole(
  fs: IntentFileSystem,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  // Two programs may finish a change of two drives at a time.
  const temporary = `${path}.partial-${process.pid}`;
  await named(path, async () => {
    const file = await fs.open(temporary, 'w');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, path);
  });
  await syncFolder(fs, dirname(path));
}

/** Durably; it may be gone already. */
export async function removeWhole(fs: IntentFileSystem, path: string): Promise<void> {
  await orMissing(named(path, () => fs.unlink(path)));
  await syncFolder(fs, dirname(path));
}

/** Makes a folder where it is missing, durably; the one above it has to be there. */
export async function makeFolder(fs: IntentFileSystem, path: string): Promise<void> {
  try {
    await named(path, () => fs.mkdir(path));
  } catch (error) {
    if (!isTidemarkError(error, 'FILE_EXISTS')) throw error;
  }
  // Also one that is there: it may have been made by a process that died, and be in the cache only.
  await syncFolder(fs, dirname(path));
}

export async function orMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isTidemarkError(error, 'FILE_NOT_FOUND')) return undefined;
    throw error;
  }
}

/** Its names are durable when this resolves. */
export async function syncFolder(fs: IntentFileSystem, path: string): Promise<void> {
  await named(path, async () => {
    const folder = await fs.open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  });
}
