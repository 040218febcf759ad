import { fstatSync } from 'node:fs';
import { deviceNumber } from '../file/block-device-facts.ts';
import { systemText } from '../file/system-text.ts';
import { takeExpectedLocks } from './look-ahead.ts';

/**
 * Whether /proc/locks (proc_locks(5)) has a lock on one of these bytes of an open file. It names file
 * systems as the kernel does, which is not always as stat(2) does: nothing found proves nothing.
 */
export async function isLockedByOthers(fd: number, bytes: readonly number[]): Promise<boolean> {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  const locks = (await takeExpectedLocks()) ?? systemText('/proc/locks') ?? '';
  return locks.split('\n').some((line) => {
    const lock = parseLock(line);
    if (lock === undefined || lock.file !== `${hexDevice(dev)}:${ino}`) return false;
    return bytes.some((byte) => lock.start <= byte && byte <= lock.end);
  });
}

interface Lock {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** `1: OFDLCK ADVISORY READ -1 fe:00:2293768 100 101`; the last one may be `EOF`. */
function parseLock(line: string): Lock | undefined {
  const found = /^\d+: (?:OFDLCK|POSIX)\s.* (\S+) (\d+) (\d+|EOF)$/.exec(line);
  if (found === null) return undefined;
  const [, file = '', start, end] = found;
  return { file, start: Number(start), end: end === 'EOF' ? Infinity : Number(end) };
}

/** Major and minor with two hexadecimal digits at least. */
function hexDevice(dev: bigint): string {
  return deviceNumber(dev)
    .split(':')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join(':');
}
