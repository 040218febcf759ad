import type { BlockDeviceFacts, DriveFacts, FileFacts } from '@tidemark/block';

/**
 * Why an image does not lie in the file that it lay in, but in a copy of that: a clause. Undefined:
 * it does, as far as anything is known of that file.
 */
export function whyAnotherFile(then: DriveFacts, now: DriveFacts | undefined): string | undefined {
  if (now === undefined) return 'nothing can be learned of the file that it lies in';
  if (then.kind === 'file' && now.kind === 'file') return ofFiles(then, now);
  if (then.kind === 'block device' && now.kind === 'block device') return ofDevices(then, now);
  return `it lay in a ${then.kind} then, and lies in a ${now.kind} now`;
}

function ofFiles(then: FileFacts, now: FileFacts): string | undefined {
  if (then.inode !== now.inode) {
    return `it lies in another file (inode ${now.inode}, not ${then.inode})`;
  }
  if (then.born !== now.born) return 'it lies in another file, which was made at another time';
  // The system gives file systems other numbers when it is started anew.
  const isSameBoot = then.bootId === undefined || then.bootId === now.bootId;
  if (!isSameBoot || then.device === now.device) return undefined;
  return `it lies on another file system (device ${now.device}, not ${then.device})`;
}

function ofDevices(then: BlockDeviceFacts, now: BlockDeviceFacts): string | undefined {
  if (then.device !== now.device) {
    return `it lies on another block device (${now.device}, not ${then.device})`;
  }
  const [before, after] = [then.counters, now.counters];
  const isSameBoot = before !== undefined && before.bootId === after?.bootId;
  if (!isSameBoot || before.diskSequence === after?.diskSequence) return undefined;
  return 'the block device that it lies on was detached, or another one has taken its place';
}
