import type { TidemarkError } from '../errors.ts';
import type { DirectoryEntry } from '../backend.ts';

/** The entries with some bitmaps inconsistent, whatever they were before. */
export function withLost(
  entries: readonly DirectoryEntry[],
  lost: ReadonlySet<string>,
  { message, context: { rule } }: TidemarkError,
): readonly DirectoryEntry[] {
  const why = { inUse: true, reason: message, ...(rule !== undefined && { rule }) };
  return entries.map((entry) => (lost.has(entry.name) ? { ...entry, ...why } : entry));
}
