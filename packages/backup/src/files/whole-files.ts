import { dirname, resolve } from 'node:path';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import type { FileSystem, OpenFile } from './file-system.ts';

/** Fills `target` from `position`, or says that the file is cut short: BACKUP_CORRUPT. */
export async function readFully(
  file: OpenFile,
  target: Uint8Array,
  position: number,
  where: string,
): Promise<void> {
  let done = 0;
  while (done < target.length) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) {
      const offset = position + done;
      throw new TidemarkError('BACKUP_CORRUPT', `'${where}' is cut short`, { where, offset });
    }
    done += bytesRead;
  }
}

export async function writeFully(
  file: OpenFile,
  source: Uint8Array,
  position: number,
): Promise<void> {
  let done = 0;
  while (done < source.length) {
    const { bytesWritten } = await file.write(source, done, source.length - done, position + done);
    done += bytesWritten;
  }
}

/** A small file whole. @throws BACKUP_CORRUPT when it is larger than `limit` bytes */
export async function readSmallFile(
  fs: FileSystem,
  path: string,
  limit: number,
): Promise<Uint8Array> {
  const file = await fs.open(path, 'r');
  try {
    const size = Number((await file.stat()).size);
    if (size > limit) {
      const reason = `${size} bytes, and at most ${limit} are expected`;
      throw new TidemarkError('BACKUP_CORRUPT', `'${path}' has ${reason}`, { where: path });
    }
    const bytes = new Uint8Array(size);
    await readFully(file, bytes, 0, path);
    return bytes;
  } finally {
    await file.close();
  }
}

/** Makes a new file; content and size are durable afterwards, its name is not. */
export async function writeNewFile(fs: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const file = await fs.open(path, 'wx');
  try {
    await writeFully(file, bytes, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the names in a directory durable. */
export async function syncDirectory(fs: FileSystem, path: string): Promise<void> {
  const directory = await fs.open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * Makes a directory and those above it where they are missing, durably. One by one: Node's own
 * recursive mkdir never ends where the system finds no place for a folder, as under /proc.
 */
export async function makeDirectory(fs: FileSystem, path: string): Promise<void> {
  const folder = resolve(path);
  try {
    await makeOne(fs, folder);
  } catch (error) {
    const parent = dirname(folder);
    if (!isTidemarkError(error, 'FILE_NOT_FOUND') || parent === folder) throw error;
    await makeDirectory(fs, parent);
    await makeOne(fs, folder);
  }
}

async function makeOne(fs: FileSystem, folder: string): Promise<void> {
  try {
    await fs.mkdir(folder, { recursive: false });
  } catch (error) {
    if (!isTidemarkError(error, 'FILE_EXISTS')) throw error;
    // That it is a directory, and not a file, is told by its use.
    await fs.readdir(folder);
    return;
  }
  await syncDirectory(fs, dirname(folder));
}
