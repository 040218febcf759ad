import type { IntendedBitmap, Intent } from '@tidemark/checkpoint';
import { checkpointOf, type DriveBitmap } from './drive-bitmap.ts';
import type { Restructuring } from './restructuring.ts';

/**
 * The change of several stores, in words for whoever has to finish it. Without those stores that
 * keep their bitmaps in use until they are closed: of these a crash leaves nothing to finish.
 */
export function intentOf(parts: readonly Restructuring[], set: string): Intent {
  const live = parts.filter(({ keeper }) => keeper.storesAtOnce);
  const members = live.map((part) => {
    const { id, place } = part.keeper.place;
    return { store: id ?? null, place, bitmaps: bitmapsOf(part), done: false };
  });
  return { set, members };
}

function bitmapsOf({ created, changed, removed }: Restructuring): readonly IntendedBitmap[] {
  const replaced = new Map(removed.map(({ bitmap }) => [bitmap.name, bitmap]));
  const made = new Set(created.map(({ bitmap }) => bitmap.name));
  return [
    ...created.map(({ bitmap }) => intended(bitmap, replaced.get(bitmap.name))),
    ...changed.map(({ before, after }) => intended(after.bitmap, before.bitmap)),
    ...removed
      .filter(({ bitmap }) => !made.has(bitmap.name))
      .map(({ bitmap }) => {
        return { change: 'remove', name: bitmap.name, before: knownOf(bitmap) } as const;
      }),
  ];
}

function intended(after: DriveBitmap, before: DriveBitmap | undefined): IntendedBitmap {
  const { name, granularity, enabled } = after;
  const shape = { change: 'put', name, granularity, enabled } as const;
  return { ...shape, before: before ? knownOf(before) : null, after: knownOf(after) };
}

function knownOf(bitmap: DriveBitmap): string | null {
  return checkpointOf(bitmap).checkpoint ?? null;
}
