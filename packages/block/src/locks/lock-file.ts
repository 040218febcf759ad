import { TidemarkError } from '@tidemark/core';
import { fileSystemType } from '../file/system-files.ts';
import { runOnDescriptor } from '../helper/run-on-descriptor.ts';
import type { Tools } from '../helper/tools.ts';
import { isLockedByOthers } from './found-locks.ts';
import { NFS, READER_LOCKS, WRITER_LOCKS } from './lock-bytes.ts';
import { LOCK_CONFLICT, LOCK_SCRIPT, LOCK_TAKEN } from './lock-script.ts';

export interface LockOptions {
  readonly writable: boolean;
  /** Without perl no other program is kept out; flock keeps out our own programs then. */
  readonly tools: Pick<Tools, 'perl' | 'flock'>;
  /** A block device is opened exclusively, and udev takes a flock of it at any time. */
  readonly isBlockDevice?: boolean;
  /** The helper program is waited for in the tick of the call. Default false. */
  readonly waits?: boolean;
}

/**
 * Locks an open file as QEMU does, against QEMU and against ourselves: one writer or any number of
 * readers. The lock is the open file's: it goes when `fd` and all its copies are closed, also by
 * the process's death.
 * @returns what is not kept out, and why (no perl, or a file system without locks)
 * @throws LOCKED
 */
export async function lockFile(
  fd: number,
  where: string,
  options: LockOptions,
): Promise<string | undefined> {
  const { writable, waits = false } = options;
  const { perl } = options.tools;
  // Own bytes first: of two that start at once, at least one then sees the other.
  const { own, others } = writable ? WRITER_LOCKS : READER_LOCKS;
  const canFlock = await takesFlock(fd, options);
  if (perl === undefined) return lockWithoutPerl(fd, where, { ...options, others });
  const args = [
    '-e',
    LOCK_SCRIPT,
    own.join(','),
    others.join(','),
    canFlock ? flockMode(writable) : '0',
  ];
  const { code, stderr } = await runOnDescriptor(perl, args, fd, waits);
  if (code === LOCK_TAKEN) return undefined;
  if (code === LOCK_CONFLICT) throw locked(where, writable);
  const failure = `the lock helper failed (${code === null ? 'no exit code' : `exit code ${code}`})`;
  return stderr === '' ? failure : `${failure}: ${stderr.trim()}`;
}

/**
 * Whether somebody who writes the file is there now, as far as the system tells; nobody is kept out.
 * For a look at an image that starts no program. @throws LOCKED
 */
export async function lookForWriters(fd: number, where: string): Promise<void> {
  if (await isLockedByOthers(fd, READER_LOCKS.others)) throw locked(where, false);
}

/** Keeps our own programs out, and sees whether others are there now. */
async function lockWithoutPerl(
  fd: number,
  where: string,
  options: LockOptions & { readonly others: readonly number[] },
): Promise<string> {
  const { writable, others, waits = false } = options;
  const { flock } = options.tools;
  if (flock !== undefined && (await takesFlock(fd, options))) {
    const args = [writable ? '-x' : '-s', '-n', '-E', String(LOCK_CONFLICT), '3'];
    const { code } = await runOnDescriptor(flock, args, fd, waits);
    if (code === LOCK_CONFLICT) throw locked(where, writable);
  }
  if (await isLockedByOthers(fd, others)) throw locked(where, writable);
  return 'perl is not installed: it is not in use now, and nobody is kept from using it';
}

async function takesFlock(
  fd: number,
  { isBlockDevice = false, waits = false }: LockOptions,
): Promise<boolean> {
  if (isBlockDevice) return false;
  return (await fileSystemType(`/proc/self/fd/${fd}`, waits)) !== NFS;
}

/** flock(2): LOCK_SH or LOCK_EX, with LOCK_NB. */
const flockMode = (writable: boolean) => String((writable ? 2 : 1) | 4);

function locked(where: string, writable: boolean): TidemarkError {
  return new TidemarkError('LOCKED', `'${where}' is in use by another process`, {
    where,
    hint: writable
      ? 'end what has it open, such as a virtual machine or a server'
      : 'end what writes it, or read it without a lock',
  });
}
