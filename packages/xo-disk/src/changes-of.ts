import { type BitmapInfo, type BitmapStore, type DirtyBitmap, TidemarkError } from '@tidemark/core';

/** Of `changesOf`. */
export interface ChangesOfOptions {
  /** The instant at which the parent was taken, as its backup calls it. Default: not compared. */
  readonly checkpoint?: string | undefined;
}

/**
 * A bitmap of a store as what has changed, for `TidemarkDiskOptions.changes`. Only one that has missed
 * nothing is taken, for a block that it calls clean is never copied.
 * @throws (when it is called) BITMAP_NOT_FOUND; BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED; BITMAP_BUSY: in
 *   use, so that what is stored is out of date; BITMAP_INVALID: disabled; BACKUP_PARENT_MISMATCH: it began
 *   at another instant, or at one that is not known
 */
export function changesOf(
  store: BitmapStore,
  name: string,
  { checkpoint }: ChangesOfOptions = {},
): () => Promise<DirtyBitmap> {
  return async () => {
    checkInfo(await infoOf(store, name), store, checkpoint);
    const bits = await store.load(name);
    // What another user of the store changed between the two.
    checkInfo(await infoOf(store, name), store, checkpoint);
    return bits;
  };
}

async function infoOf(store: BitmapStore, name: string): Promise<BitmapInfo> {
  const info = (await store.list()).find((one) => one.name === name);
  if (info !== undefined) return info;
  throw new TidemarkError('BITMAP_NOT_FOUND', `there is no bitmap '${name}' in ${store.label}`, {
    where: store.label,
    bitmap: name,
    hint: 'take a full disk, and begin a bitmap with it',
  });
}

function checkInfo(info: BitmapInfo, { label }: BitmapStore, wanted: string | undefined): void {
  const refuse = (code: TidemarkError['code'], why: string) =>
    new TidemarkError(code, `bitmap '${info.name}' of ${label} ${why}`, {
      where: label,
      bitmap: info.name,
      hint: 'take a full disk',
    });
  if (info.state === 'inconsistent') {
    throw refuse(
      'BITMAP_INCONSISTENT',
      `may have missed writes: ${info.reason ?? 'it was in use'}`,
    );
  }
  if (info.state === 'in-use') throw refuse('BITMAP_BUSY', 'is in use, and changes');
  if (info.state === 'unsupported') throw refuse('BITMAP_UNSUPPORTED', 'cannot be read here');
  if (!info.enabled) throw refuse('BITMAP_INVALID', 'is disabled and misses writes');
  if (wanted === undefined || info.checkpoint === wanted) return;
  const began = info.checkpoint === undefined ? 'at no known checkpoint' : `at ${info.checkpoint}`;
  throw refuse('BACKUP_PARENT_MISMATCH', `began ${began}, and not at ${wanted}`);
}
