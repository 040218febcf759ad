import { dirname, resolve } from 'node:path';
import { TidemarkError } from '@tidemark/core';
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

/** Makes a directory and those above it where they are missing, durably. */
export async function makeDirectory(fs: FileSystem, path: string): Promise<void> {
  const first = await fs.mkdir(path, { recursive: true });
  if (typeof first !== 'string') return;
  const top = dirname(resolve(first));
  for (let parent = dirname(resolve(path)); ; parent = dirname(parent)) {
    await syncDirectory(fs, parent);
    if (parent === top || parent === dirname(parent)) return;
  }
}
