import type { DriveFacts } from '@tidemark/block';
import type { Control } from '@tidemark/qcow2';
import { whyAnother, whyChanged } from './compare-facts.ts';
import { type Mismatch, mismatch } from './mismatch.ts';
import { timeOf } from './times.ts';

/** How a sidecar was found that was lent to QEMU. */
export interface FoundLent {
  readonly control: Control;
  /** The autoclear bit is still there: nobody else has opened the image for writing. */
  readonly isVouchedFor: boolean;
  /** As the drive is. */
  readonly drive: DriveFacts;
  /** As the sidecar's own file is. Undefined: nothing can be learned of it. */
  readonly sidecar: DriveFacts | undefined;
}

/**
 * Why a drive that was lent cannot be taken back as QEMU left it. Undefined: either nobody has
 * written it, or QEMU has opened the sidecar since, and nothing was written to the drive after QEMU
 * had stored its bitmaps, which is the last thing that it does. What cannot be seen is a write before
 * QEMU opened it: that is what lending promises.
 */
export function whyNotReturned(found: FoundLent): Mismatch | undefined {
  const { control, isVouchedFor, drive, sidecar } = found;
  const changed = whyChanged(control.drive, drive);
  if (changed === undefined) return undefined;
  const another = whyAnother(control.drive, drive);
  if (another !== undefined || isVouchedFor) return another ?? changed;
  if (drive.kind !== 'file' || sidecar?.kind !== 'file') {
    return mismatch('returned', 'when QEMU and others have written the drive is not known');
  }
  const stored = `after QEMU had stored the last of its bitmaps at ${timeOf(sidecar.modified)}`;
  if (drive.modified > sidecar.modified) {
    return mismatch('returned', `the drive was written at ${timeOf(drive.modified)}, ${stored}`);
  }
  if (drive.changed <= sidecar.modified) return undefined;
  return mismatch(
    'ctime',
    `mode, owner, name or links of the drive were changed at ${timeOf(drive.changed)}, ${stored}, ` +
      'or it was written and its time set back',
  );
}
