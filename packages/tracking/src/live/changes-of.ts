import { type BitmapChange, DirtyBitmap } from '@tidemark/core';
import { checkpointOf, type DriveBitmap, storedCheckpointOf } from '../drive-bitmap.ts';
import type { StoreChange } from '../durability.ts';

/** What a store is asked to change. `storedOf`: the bits that go to disk, with those that are kept. */
export function changesOf(
  { created = [], changed = [], removed = [] }: StoreChange,
  storedOf: (content: DirtyBitmap, kept?: DirtyBitmap) => DirtyBitmap,
): readonly BitmapChange[] {
  return [
    ...removed.map((name) => ({ op: 'remove', name }) as const),
    ...created.map(({ bitmap, content, isLost = false }) => {
      const { name, enabled } = bitmap;
      const acquire = isLost || (enabled && ('live' as const));
      const made = { op: 'create', name, enabled, acquire } as const;
      return { ...made, content: storedOf(content), ...checkpointOf(bitmap) };
    }),
    ...changed.map(({ bitmap, content, kept }) => {
      const { name, enabled } = bitmap;
      const stored = storedOf(content, kept);
      const change = { op: 'store', name, enabled, content: stored, live: enabled } as const;
      return { ...change, ...storedCheckpointOf(bitmap) };
    }),
  ];
}

/** Made anew, so that no bits are there that could be taken for the truth. */
export function asLost({
  name,
  enabled,
  granularity,
  keeper,
}: DriveBitmap): readonly BitmapChange[] {
  const content = new DirtyBitmap(keeper.diskSize, granularity);
  return [
    { op: 'remove', name },
    { op: 'create', name, enabled, content, acquire: true },
  ];
}
