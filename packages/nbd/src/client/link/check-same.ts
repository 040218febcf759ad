import { TidemarkError } from '@tidemark/core';
import { ExportFlag } from '../../protocol/transmission.ts';
import type { Session } from '../negotiate/negotiate.ts';

/** What the device has told its users that it can do, or does without being asked. */
const RELIED_ON =
  ExportFlag.FLUSH | ExportFlag.TRIM | ExportFlag.WRITE_ZEROES | ExportFlag.FAST_ZERO;

/**
 * Whether what a server offers now will do for what was made of its first offer.
 * @throws DEVICE_UNSUPPORTED: it is another disk, or can do less
 */
export function checkSame(before: Session, now: Session): void {
  const isReadOnly = (session: Session) => (session.flags & ExportFlag.READ_ONLY) !== 0;
  const contexts = [...before.contexts.keys()];
  const faults: readonly (readonly [boolean, string])[] = [
    [now.size !== before.size, `has ${now.size} bytes instead of ${before.size}`],
    [isReadOnly(now) && !isReadOnly(before), 'can no longer be written'],
    [(before.flags & RELIED_ON & ~now.flags) !== 0, 'can do less than before'],
    [before.isExtended && !now.isExtended, 'has no extended headers any more'],
    [before.hasChunks && !now.hasChunks, 'has no structured replies any more'],
    [now.blockSize.minimum > before.blockSize.minimum, 'has larger blocks than before'],
    [now.blockSize.maximum < before.blockSize.maximum, 'takes less at once than before'],
    [contexts.some((name) => !now.contexts.has(name)), 'does not tell all that it told before'],
  ];
  const fault = faults.find(([isSo]) => isSo);
  if (fault === undefined) return;
  throw new TidemarkError('DEVICE_UNSUPPORTED', `after it was lost, the export ${fault[1]}`, {
    hint: 'open it anew',
  });
}
