import type { DirtyBitmap, TidemarkError } from '@tidemark/core';
import { recordingContent } from './drive-bitmap.ts';
import type { DriveState } from './drive-state.ts';

/**
 * Bitmaps whose store cannot vouch for them any more, and has seen to it that nobody will: they
 * record nothing from now on. After what is going on, which would put them back in place.
 */
export async function loseBitmaps(
  state: DriveState,
  lost: ReadonlySet<DirtyBitmap>,
  why: TidemarkError,
): Promise<void> {
  const unlock = await state.mutex.lock();
  try {
    for (const bitmap of state.bitmaps.values()) {
      const { content } = bitmap;
      if (content === undefined || !lost.has(content)) continue;
      state.recorder.detach(content);
      state.endFreeze(bitmap.name);
      const gone = { condition: 'inconsistent', reason: why.message, acquired: false } as const;
      state.replace({ ...bitmap, ...gone, content: undefined });
    }
    const bitmaps = [...state.bitmaps.values()];
    for (const keeper of state.keepers) {
      keeper.end(bitmaps.filter((it) => it.keeper === keeper && recordingContent(it)));
    }
  } finally {
    unlock();
  }
}
