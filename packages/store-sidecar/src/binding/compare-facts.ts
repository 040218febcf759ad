import type { BlockDeviceFacts, DriveFacts, FileFacts } from '@tidemark/block';
import { type Mismatch, mismatch } from './mismatch.ts';
import { timeOf } from './times.ts';

/**
 * Why the drive is not the one that it was, whatever has been written to it. Undefined: it is.
 * `then` was noted when `now` was yet to come.
 */
export function whyAnother(then: DriveFacts, now: DriveFacts): Mismatch | undefined {
  if (then.kind === 'file' && now.kind === 'file') return whyAnotherFile(then, now);
  if (then.kind === 'block device' && now.kind === 'block device') {
    return whyAnotherBlockDevice(then, now);
  }
  return mismatch('kind', `the drive was a ${then.kind} and is a ${now.kind} now`);
}

/** Why the drive may hold something else than it did. Undefined: it does not. */
export function whyChanged(then: DriveFacts, now: DriveFacts): Mismatch | undefined {
  const another = whyAnother(then, now);
  if (another !== undefined) return another;
  if (then.kind === 'file' && now.kind === 'file') return whyWritten(then, now);
  if (then.kind === 'file' || now.kind === 'file') return undefined;
  const [before, after] = [then.counters?.writtenSectors, now.counters?.writtenSectors];
  if (before === after) return undefined;
  const counted = `${before} sectors by then, ${after} by now`;
  return mismatch('counter', `the drive was written behind its bitmaps: ${counted}`);
}

/** Whether facts differ after any change of the drive. */
export function canTellChanges(drive: DriveFacts): boolean {
  return drive.kind === 'file' || drive.counters !== undefined;
}

function whyAnotherFile(then: FileFacts, now: FileFacts): Mismatch | undefined {
  // Systems number their file systems anew when they start.
  if (then.device !== now.device && !isOtherBoot(then, now)) {
    const where = `device ${now.device}, not ${then.device}`;
    return mismatch('device', `the drive lies on another file system (${where})`);
  }
  if (then.inode !== now.inode) {
    const which = `inode ${now.inode}, not ${then.inode}`;
    return mismatch('inode', `the drive is another file (${which})`);
  }
  if (then.born !== now.born) {
    const when = `made ${timeOf(now.born)}, not ${timeOf(then.born)}`;
    return mismatch('birth', `the drive is another file (${when})`);
  }
  return whyOtherSize(then, now);
}

/** Known to be, that is. */
function isOtherBoot(then: FileFacts, now: FileFacts): boolean {
  return then.bootId !== undefined && now.bootId !== undefined && then.bootId !== now.bootId;
}

function whyWritten(then: FileFacts, now: FileFacts): Mismatch | undefined {
  if (then.modified !== now.modified) {
    const times = `last at ${timeOf(now.modified)}, by them at ${timeOf(then.modified)}`;
    return mismatch('mtime', `the drive was written behind its bitmaps: ${times}`);
  }
  if (then.changed === now.changed) return undefined;
  return mismatch(
    'ctime',
    `mode, owner, name or links of the drive were changed at ${timeOf(now.changed)} ` +
      '(chmod, chown, rename, link), or it was written and its time set back',
  );
}

function whyAnotherBlockDevice(
  then: BlockDeviceFacts,
  now: BlockDeviceFacts,
): Mismatch | undefined {
  if (then.counters === undefined || now.counters === undefined) {
    return mismatch('facts', 'the system does not count what is written to the drive');
  }
  // First: the numbers of devices and disks are those of one run of the system.
  if (then.counters.bootId !== now.counters.bootId) {
    const unknown = 'what was written to the drive before is not known';
    return mismatch('boot', `the system was started anew, and ${unknown}`);
  }
  if (then.device !== now.device) return mismatch('device', 'the drive is another block device');
  if (then.counters.diskSequence !== now.counters.diskSequence) {
    const how = 'the drive was detached and attached, or another disk has taken its place';
    return mismatch('diskseq', how);
  }
  return whyOtherSize(then, now);
}

function whyOtherSize(then: DriveFacts, now: DriveFacts): Mismatch | undefined {
  if (then.size === now.size) return undefined;
  return mismatch('size', `the drive has ${now.size} bytes, and had ${then.size}`);
}
