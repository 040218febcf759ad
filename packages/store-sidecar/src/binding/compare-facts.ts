import type { BlockDeviceFacts, DriveFacts, FileFacts } from '@tidemark/block';
import { timeOf } from './times.ts';

/**
 * Why the drive is not the one that it was, whatever has been written to it: a clause. Undefined: it
 * is. `then` was noted when `now` was yet to come.
 */
export function whyAnother(then: DriveFacts, now: DriveFacts): string | undefined {
  if (then.kind === 'file' && now.kind === 'file') return whyAnotherFile(then, now);
  if (then.kind === 'block device' && now.kind === 'block device') {
    return whyAnotherBlockDevice(then, now);
  }
  return `the drive was a ${then.kind} and is a ${now.kind} now`;
}

/** Why the drive may hold something else than it did: a clause. Undefined: it does not. */
export function whyChanged(then: DriveFacts, now: DriveFacts): string | undefined {
  const another = whyAnother(then, now);
  if (another !== undefined) return another;
  if (then.kind === 'file' && now.kind === 'file') return whyWritten(then, now);
  if (then.kind === 'file' || now.kind === 'file') return undefined;
  const [before, after] = [then.counters?.writtenSectors, now.counters?.writtenSectors];
  if (before === after) return undefined;
  return `the drive was written behind its bitmaps: ${before} sectors by then, ${after} by now`;
}

function whyAnotherFile(then: FileFacts, now: FileFacts): string | undefined {
  if (then.device !== now.device) {
    return `the drive lies on another file system (device ${now.device}, not ${then.device})`;
  }
  if (then.inode !== now.inode) {
    return `the drive is another file (inode ${now.inode}, not ${then.inode})`;
  }
  if (then.born !== now.born) {
    return `the drive is another file (made ${timeOf(now.born)}, not ${timeOf(then.born)})`;
  }
  return whyOtherSize(then, now);
}

function whyWritten(then: FileFacts, now: FileFacts): string | undefined {
  if (then.modified !== now.modified) {
    return (
      `the drive was written behind its bitmaps: last at ${timeOf(now.modified)}, ` +
      `by them at ${timeOf(then.modified)}`
    );
  }
  if (then.changed === now.changed) return undefined;
  return (
    `mode, owner, name or links of the drive were changed at ${timeOf(now.changed)} ` +
    '(chmod, chown, rename, link), or it was written and its time set back'
  );
}

function whyAnotherBlockDevice(then: BlockDeviceFacts, now: BlockDeviceFacts): string | undefined {
  if (then.device !== now.device) return 'the drive is another block device';
  if (then.counters === undefined || now.counters === undefined) {
    return 'the system does not count what is written to the drive';
  }
  if (then.counters.bootId !== now.counters.bootId) {
    return 'the system was started anew, and what was written to the drive before is not known';
  }
  if (then.counters.diskSequence !== now.counters.diskSequence) {
    return 'the drive was detached and attached, or another disk has taken its place';
  }
  return whyOtherSize(then, now);
}

function whyOtherSize(then: DriveFacts, now: DriveFacts): string | undefined {
  if (then.size === now.size) return undefined;
  return `the drive has ${now.size} bytes, and had ${then.size}`;
}
