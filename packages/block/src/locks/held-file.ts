import { closeSync, fstatSync, readFileSync, statSync } from 'node:fs';
import { fileSystemType } from '../file/system-files.ts';
import { NFS, WRITER_LOCKS } from './lock-bytes.ts';

/** open(2): of the flags, what may be done. */
const ACCESS = 0o3;
const READ_AND_WRITE = 0o2;

let expected: number | undefined;

/**
 * An open file that whoever started this program has opened and locked for it, as `lockFile` does: the first
 * file that is opened is that one, or it is let go of.
 */
export function expectHeldFile(descriptor: number): void {
  expected = descriptor;
}

/** Whoever opens it next has to lock it. */
export function letGoOfHeldFile(): void {
  const fd = take();
  if (fd !== undefined) closeIfOpen(fd);
}

/** The open file, where it is the one at `path`, and is locked for writing: the system is asked, nobody believed. */
export async function takeHeldFile(path: string, writable: boolean): Promise<number | undefined> {
  const fd = take();
  if (fd === undefined) return undefined;
  if (writable && (await isHeld(fd, path).catch(() => false))) return fd;
  closeIfOpen(fd);
  return undefined;
}

/** Once. */
function take(): number | undefined {
  const fd = expected;
  expected = undefined;
  return fd;
}

function closeIfOpen(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It is none of an open file.
  }
}

async function isHeld(fd: number, path: string): Promise<boolean> {
  const [held, found] = [fstatSync(fd, { bigint: true }), statSync(path, { bigint: true })];
  if (!held.isFile() || held.dev !== found.dev || held.ino !== found.ino) return false;
  // There a flock is another lock than elsewhere.
  if ((await fileSystemType(`/proc/self/fd/${fd}`, true)) === NFS) return false;
  const text = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
  const lines = text.split('\n');
  const flags = Number.parseInt(/^flags:\s*(\d+)$/m.exec(text)?.[1] ?? '', 8);
  const isFlocked = lines.some((line) => /^lock:\s.* FLOCK +ADVISORY +WRITE /.test(line));
  return (
    (flags & ACCESS) === READ_AND_WRITE &&
    isFlocked &&
    WRITER_LOCKS.own.every((byte) => lines.some((line) => isLock(line, byte)))
  );
}

/** Of the bytes from the last but one to the last number. */
function isLock(line: string, byte: number): boolean {
  const found = /^lock:\s.* OFDLCK +ADVISORY +READ .* (\d+) (\d+)$/.exec(line);
  return found !== null && Number(found[1]) <= byte && byte <= Number(found[2]);
}
