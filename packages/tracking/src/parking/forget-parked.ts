import { behind, changeDrives } from '../run-transaction.ts';

import type { TrackedDrive } from '../tracked-drive.ts';
import { PARKED_PREFIX } from './parked-bitmaps.ts';

/**
 * Removes what a hand-over has left that nobody went on with: by opening the drive somebody has, and
 * a target that comes late must see that. @returns how many bitmaps that were
 */
export async function forgetParked(drive: TrackedDrive): Promise<number> {
  const state = behind(drive);
  const isParked = (name: string) => name.startsWith(PARKED_PREFIX);
  if (!state.writable || ![...state.bitmaps.keys()].some(isParked)) return 0;
  let removed = 0;
  await changeDrives([state], (drafts) => {
    const draft = drafts.get(state)!;
    const left = [...draft.bitmaps.values()].filter(({ name }) => isParked(name));
    for (const bitmap of left) draft.remove(bitmap);
    removed = left.length;
    return [];
  });
  return removed;
}
