import { TidemarkError } from '@tidemark/core';
import { runOnDescriptor } from '../helper/run-on-descriptor.ts';
import { LOCK_CONFLICT, LOCK_SCRIPT, LOCK_TAKEN } from './lock-script.ts';

export interface LockOptions {
  readonly writable: boolean;
  /** Path of perl; without it there is no lock. */
  readonly perl: string | undefined;
}

/** QEMU's permissions (include/block/block-common.h): byte 100 + n is used, 200 + n is not shared. */
const CONSISTENT_READ = 0;
const WRITE = 1;
const RESIZE = 3;

/** What a reader and a writer of a file use, and what neither lets others do meanwhile. */
const READER_USES = [CONSISTENT_READ];
const WRITER_USES = [CONSISTENT_READ, WRITE, RESIZE];
const UNSHARED = [WRITE, RESIZE];

/**
 * Locks an open file as QEMU does, against QEMU and against ourselves: one writer or any number of
 * readers. The lock is the open file's: it goes when `fd` and all its copies are closed, also by
 * the process's death.
 * @returns why there is no lock, where none can be had (no perl, or a file system without locks)
 * @throws LOCKED
 */
export async function lockFile(
  fd: number,
  where: string,
  { writable, perl }: LockOptions,
): Promise<string | undefined> {
  if (perl === undefined) return 'perl is not installed';
  const uses = writable ? WRITER_USES : READER_USES;
  // Own bytes first: of two that start at once, at least one then sees the other.
  const own = [...uses.map((bit) => 100 + bit), ...UNSHARED.map((bit) => 200 + bit)];
  const others = [...uses.map((bit) => 200 + bit), ...UNSHARED.map((bit) => 100 + bit)];
  const args = ['-e', LOCK_SCRIPT, own.join(','), others.join(',')];
  const { code, stderr } = await runOnDescriptor(perl, args, fd);
  if (code === LOCK_TAKEN) return undefined;
  if (code === LOCK_CONFLICT) throw locked(where, writable);
  return `the lock helper failed (${code === null ? 'no exit code' : `exit code ${code}`})${
    stderr === '' ? '' : `: ${stderr.trim()}`
  }`;
}

function locked(where: string, writable: boolean): TidemarkError {
  return new TidemarkError('LOCKED', `'${where}' is in use by another process`, {
    where,
    hint: writable
      ? 'end what has it open, such as a virtual machine or a server'
      : 'end what writes it, or read it without a lock',
  });
}
