import type { BitmapDirectory, Control } from '@tidemark/qcow2';

/**
 * Whether there are bitmaps that the next one trusts only if nobody has written the drive unseen:
 * those that are to record and are at rest, and those that a session has live.
 */
export function areAtStake(directory: BitmapDirectory, control: Control | undefined): boolean {
  const live = new Set(directory.namesAt(control?.liveEntries ?? []));
  return directory.records.some(({ name, enabled, inUse }) => (inUse ? live.has(name) : enabled));
}
