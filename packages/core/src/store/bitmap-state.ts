import type { DirectoryEntry } from '../backend.ts';
import type { BitmapInfo, BitmapState } from '../bitmap-info.ts';

/** `acquired`: names of what this very store has given out. */
export function bitmapState(entry: DirectoryEntry, acquired: ReadonlySet<string>): BitmapState {
  if (acquired.has(entry.name)) return 'in-use';
  if (entry.unsupported !== undefined) return 'unsupported';
  return entry.inUse || entry.reason !== undefined ? 'inconsistent' : 'stored';
}

/** As `bitmapState`, and what else a user is told of it. */
export function bitmapInfo(
  entry: DirectoryEntry,
  acquired: ReadonlySet<string>,
  checkpointLost: string | undefined,
): BitmapInfo {
  const { name, granularity, enabled, reason, rule, checkpoint, recovered } = entry;
  const state = bitmapState(entry, acquired);
  const isTold = reason !== undefined && state === 'inconsistent';
  return {
    name,
    granularity,
    enabled,
    state,
    ...(recovered === true && !isTold && { recovered }),
    ...(isTold && { reason }),
    ...(isTold && rule !== undefined && { rule }),
    ...(checkpointLost !== undefined
      ? { checkpointLost }
      : checkpoint !== undefined && { checkpoint }),
  };
}
