import type { DriveFacts } from '@tidemark/block';
import type { Control, DirectorySeal } from '@tidemark/qcow2';
import { LEASE } from './lease.ts';
import { type Mismatch, mismatch } from './mismatch.ts';
import { timeOf } from './times.ts';

const NS_PER_MS = 1_000_000n;

/** How a sidecar was found whose last session has not closed it. */
export interface FoundBusy {
  readonly control: Control;
  /** The same drive as then. */
  readonly drive: DriveFacts;
  /** The directory that is in place. */
  readonly seal: DirectorySeal;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Why bitmaps that were kept valid through a session cannot be trusted although it only ended
 * without a close. Undefined: nobody but the session has written the drive, or within the session's
 * lease.
 */
export function whyNotRecovered({ control, drive, seal, now }: FoundBusy): Mismatch | undefined {
  const { leaseUntil } = control;
  const otherDirectory = whyOtherDirectory(control, seal);
  if (otherDirectory !== undefined) return otherDirectory;
  if (drive.kind !== 'file' || control.drive.kind !== 'file') {
    const why = 'the session that recorded in it ended within a second of writing the block device';
    return mismatch('lease', `${why}, and who wrote it since is not known`);
  }
  if (leaseUntil > BigInt(now + LEASE) * NS_PER_MS) {
    const end = timeOf(leaseUntil);
    return mismatch('clock', `the clock was set back since it was in use, before ${end}`);
  }
  const { modified, changed } = control.drive;
  if (drive.modified < modified || drive.changed < changed) {
    const when = `${timeOf(drive.modified)}, and was written at ${timeOf(modified)}`;
    return mismatch('rollback', `an older copy of the drive was put back: it is of ${when}`);
  }
  const newest = drive.modified > drive.changed ? drive.modified : drive.changed;
  if (newest <= leaseUntil) return undefined;
  return mismatch(
    'lease',
    `the drive was changed at ${timeOf(newest)}, and the session that recorded in it, which was ` +
      `not closed, has written nothing after ${timeOf(leaseUntil)}`,
  );
}

/** Live bits lie where the directory of their session says, and nowhere else. */
export function whyOtherDirectory(
  { directory }: Pick<Control, 'directory'>,
  seal: DirectorySeal,
): Mismatch | undefined {
  if (directory.offset === seal.offset && directory.crc === seal.crc) return undefined;
  return mismatch('directory', 'the bitmaps of its sidecar were changed since it was in use');
}
