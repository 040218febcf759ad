import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { JsonFields } from '../format/json-fields.ts';
import { errnoOf, type FileSystem } from './file-system.ts';
import { readSmallFile, writeNewFile } from './whole-files.ts';

const LOCK_NAME = '.lock';
const MAX_LOCK_SIZE = 4096;

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, ms since 1970: in a container every run may have the same pid. */
  readonly started: number;
}

const started = Math.round(performance.timeOrigin);

/** The right to add restore points to a directory. */
export interface DirectoryLock {
  /** @throws LOCKED when somebody took the lock away */
  check(): Promise<void>;
  release(): Promise<void>;
}

function isAlive(holder: Holder): boolean {
  // Another machine's processes cannot be asked about, so its lock counts.
  if (holder.host !== hostname()) return true;
  if (holder.pid === process.pid) return holder.started === started;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
}

async function readText(fs: FileSystem, path: string): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await readSmallFile(fs, path, MAX_LOCK_SIZE));
  } catch (error) {
    if (isTidemarkError(error, 'FILE_NOT_FOUND')) return undefined;
    throw error;
  }
}

/** What cannot be read as a holder counts as held: somebody may just be writing it. */
function parseHolder(text: string): Holder | undefined {
  try {
    const fields = new JsonFields(JSON.parse(text), LOCK_NAME);
    const holder = {
      pid: fields.size('pid'),
      host: fields.text('host'),
      started: fields.size('started'),
    };
    return holder.pid > 0 ? holder : undefined;
  } catch {
    return undefined;
  }
}

function locked(path: string, holder: Holder | undefined): TidemarkError {
  const who = holder === undefined ? 'another backup' : `process ${holder.pid} on '${holder.host}'`;
  return new TidemarkError('LOCKED', `the backup directory is in use by ${who}`, {
    where: path,
    hint: `wait for it to end; if nothing runs any more, remove '${path}'`,
  });
}

/** Puts the lock in place with its content in one step; false when there is one. */
async function tryPlace(fs: FileSystem, path: string, text: string, temporary: string) {
  const bytes = new TextEncoder().encode(text);
  await writeNewFile(fs, temporary, bytes);
  try {
    await fs.link(temporary, path);
    return true;
  } catch (error) {
    if (isTidemarkError(error, 'FILE_EXISTS')) return false;
    // A file system without hard links: the lock is exclusive all the same, but not at once whole.
    return await writeNewFile(fs, path, bytes).then(
      () => true,
      (failure: unknown) => {
        if (isTidemarkError(failure, 'FILE_EXISTS')) return false;
        throw failure;
      },
    );
  } finally {
    await fs.rm(temporary, { recursive: false, force: true });
  }
}

/** Takes away the lock of a process that is gone. @throws LOCKED when it is not gone */
async function removeStale(fs: FileSystem, path: string, aside: string): Promise<void> {
  const text = await readText(fs, path);
  if (text === undefined) return;
  const holder = parseHolder(text);
  if (holder === undefined || isAlive(holder)) throw locked(path, holder);
  // Two may find the same stale lock; the slower one must not take away the quicker one's.
  try {
    await fs.rename(path, aside);
  } catch (error) {
    if (isTidemarkError(error, 'FILE_NOT_FOUND')) return;
    throw error;
  }
  if ((await readText(fs, aside)) !== text) {
    await fs.link(aside, path).catch(() => {});
    await fs.unlink(aside);
    throw locked(path, undefined);
  }
  await fs.unlink(aside);
}

/**
 * Locks a backup directory against a second backup. The lock of a process that no longer runs is
 * taken over.
 * @throws LOCKED
 */
export async function lockDirectory(fs: FileSystem, directory: string): Promise<DirectoryLock> {
  const path = join(directory, LOCK_NAME);
  const token = randomUUID();
  const text = JSON.stringify({ pid: process.pid, host: hostname(), started, token });
  const temporary = `${path}.${token}`;
  for (let attempt = 0; !(await tryPlace(fs, path, text, temporary)); attempt++) {
    if (attempt === 3) throw locked(path, undefined);
    await removeStale(fs, path, temporary);
  }
  const isOurs = async () => (await readText(fs, path)) === text;
  return {
    async check() {
      if (!(await isOurs())) throw locked(path, undefined);
    },
    async release() {
      // A lock that stays behind is found stale once this process has ended.
      if (await isOurs().catch(() => false)) await fs.unlink(path).catch(() => {});
    },
  };
}
