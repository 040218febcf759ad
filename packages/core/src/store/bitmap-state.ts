import type { BitmapState, DirectoryEntry } from '../store.ts';

/** `acquired`: names of what this very store has given out. */
export function bitmapState(entry: DirectoryEntry, acquired: ReadonlySet<string>): BitmapState {
  if (acquired.has(entry.name)) return 'in-use';
  if (entry.unsupported !== undefined) return 'unsupported';
  return entry.inUse || entry.reason !== undefined ? 'inconsistent' : 'stored';
}
