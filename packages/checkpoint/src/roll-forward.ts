import { type BitmapChange, type BitmapInfo, type BitmapStore, DirtyBitmap } from '@tidemark/core';
import { type IntendedBitmap, type IntentMember, isOfChange } from './intent.ts';

/**
 * Finishes one store's part of a change that was cut off: in one commit, and doing nothing where the
 * part was made, so that it may be cut off and done again. A bitmap that was to be made or cleared
 * becomes all ones. Nothing less is safe: whether the bits that are there go back to the checkpoint
 * nobody can tell, for QEMU may have cleared them since, or somebody may have put an older copy of
 * the drive back, with the bitmap as it was then.
 * @returns names of the bitmaps that are all ones now; the store's part is durable
 * @throws as `BitmapStore.commit`
 */
export async function rollForward(
  store: BitmapStore,
  set: string,
  { bitmaps }: IntentMember,
): Promise<readonly string[]> {
  const found = new Map((await store.list()).map((info) => [info.name, info]));
  // Where it can be synced: else it is done again.
  const isDone =
    store.live !== undefined &&
    bitmaps.some((bitmap) => isMade(bitmap, set, found.get(bitmap.name)));
  const open = isDone
    ? []
    : bitmaps.filter((bitmap) => isOpen(bitmap, set, found.get(bitmap.name)));
  const changes = open.flatMap((bitmap) => changesOf(bitmap, store.diskSize, found));
  if (changes.length > 0) await store.commit(changes);
  // Whoever made the part may have died before it was durable, and the intent goes next.
  else await store.live?.sync();
  return open.filter(({ change }) => change === 'put').map(({ name }) => name);
}

/** The store's part is one commit, so one bitmap that has the new checkpoint vouches for all. */
function isMade(bitmap: IntendedBitmap, set: string, found: BitmapInfo | undefined): boolean {
  return bitmap.change === 'put' && bitmap.after === set && found?.checkpoint === set;
}

/** Not where what has its name is none of ours. */
function isOpen(bitmap: IntendedBitmap, set: string, found: BitmapInfo | undefined): boolean {
  if (found === undefined) return true;
  return found.state !== 'unsupported' && isOfChange(bitmap, set, found.checkpoint);
}

function changesOf(
  bitmap: IntendedBitmap,
  diskSize: number,
  found: ReadonlyMap<string, BitmapInfo>,
): readonly BitmapChange[] {
  const { name } = bitmap;
  // Not stored: what is inconsistent can only be removed.
  const removal: BitmapChange[] = found.has(name) ? [{ op: 'remove', name }] : [];
  if (bitmap.change === 'remove') return removal;
  const { granularity, enabled, after } = bitmap;
  const content = new DirtyBitmap(diskSize, granularity);
  content.set(0, diskSize);
  return [...removal, { op: 'create', name, enabled, content, checkpoint: after }];
}
