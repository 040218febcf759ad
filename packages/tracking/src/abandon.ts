import { type DriveBitmap, recordingContent } from './drive-bitmap.ts';
import type { DriveState } from './drive-state.ts';
import type { Durability } from './durability.ts';

const REASON = 'writes were made while they could not be marked in it';

/** Gives up the bitmaps of one store that record: durably inconsistent, and not recording. */
export async function abandonBitmaps(state: DriveState, keeper: Durability): Promise<void> {
  // Not while a transaction makes others of them.
  const unlock = await state.mutex.lock();
  try {
    const lost = [...state.bitmaps.values()].filter(
      (bitmap) => bitmap.keeper === keeper && recordingContent(bitmap) !== undefined,
    );
    await keeper.abandon(lost);
    for (const bitmap of lost) giveUp(state, bitmap);
  } finally {
    unlock();
  }
}

function giveUp(state: DriveState, bitmap: DriveBitmap): void {
  state.recorder.detach(bitmap.content!);
  state.endFreeze(bitmap.name);
  const condition = 'inconsistent' as const;
  state.replace({ ...bitmap, condition, reason: REASON, acquired: false, content: undefined });
}
