import { closeSync, openSync, read, readSync } from 'node:fs';

export { expectHeldFile, letGoOfHeldFile } from './held-file.ts';

const LOCKS = '/proc/locks';
const MAX_READ = 64 * 1024;

let expected: Promise<string | undefined> | undefined;

/**
 * Begins to read what the first look for locks will want (`lock: 'look'`): where nobody has read it
 * for a while the kernel takes 15 ms to answer, which a program can use to load the rest of itself.
 * @returns undefined: it may not be read
 */
export function lookAhead(): Promise<string | undefined> {
  return readLocks();
}

/** The first look takes what was read ahead, and tells of the time when that began. */
export function expectLocks(locks: Promise<string | undefined> | undefined): void {
  expected = locks;
}

/** Once; undefined where nothing was read ahead. */
export function takeExpectedLocks(): Promise<string | undefined> | undefined {
  const taken = expected;
  expected = undefined;
  return taken;
}

async function readLocks(): Promise<string | undefined> {
  try {
    const fd = openSync(LOCKS, 'r');
    try {
      return await readAll(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** The first part in another thread; the kernel has the rest at hand. */
async function readAll(fd: number): Promise<string> {
  const part = Buffer.allocUnsafe(MAX_READ);
  let text = '';
  let count = await new Promise<number>((resolve, reject) => {
    read(fd, part, 0, MAX_READ, null, (error, length) => {
      if (error === null) resolve(length);
      else reject(error);
    });
  });
  while (count > 0) {
    text += part.toString('latin1', 0, count);
    count = readSync(fd, part, 0, MAX_READ, null);
  }
  return text;
}
