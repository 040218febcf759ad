import { chainCheckpoint, planBackup } from '@tidemark/backup';
import type { BitmapInfo, DirtyBitmap } from '@tidemark/core';
import type { Drive } from '@tidemark/drive';
import { idOf } from './back-up.ts';

/** What the next backup by a bitmap is going to be. */
export interface NextBackup {
  /** `refused`: the bitmap cannot be used as it is. */
  readonly kind: 'incremental' | 'full' | 'refused';
  /** In words, for people. */
  readonly reason: string;
}

/** Whether the next backup of a drive into a directory is an increment by this bitmap, and why. */
export async function planNext(
  { name, state, enabled, reason, checkpoint, checkpointLost }: BitmapInfo,
  content: DirtyBitmap | undefined,
  drive: Drive,
  target: string,
  driveId: string | undefined,
): Promise<NextBackup> {
  if (content === undefined) {
    const why = reason === undefined ? `it is ${state}` : `it cannot be trusted: ${reason}`;
    return { kind: 'refused', reason: `bitmap '${name}' cannot be used: ${why}` };
  }
  if (!enabled) {
    return { kind: 'refused', reason: `bitmap '${name}' is disabled and misses writes` };
  }
  const id = driveId ?? (await idOf(drive.path));
  // One of a chain is known by its name, whatever became of its token.
  const begun = chainCheckpoint(name) ?? checkpoint;
  const bitmap = { name, content, checkpoint: begun, checkpointLost };
  const { kind, reason: because } = await planBackup({
    target,
    drive: { id },
    size: drive.device.size,
    bitmap,
  });
  return { kind, reason: because };
}
