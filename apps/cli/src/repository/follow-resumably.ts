import type { BackupBitmap } from '@tidemark/backup';
import {
  chainBitmapName,
  findInChain,
  followKnownChain,
  type KnownChainOptions,
} from '@tidemark/backup/parts';
import { type BitmapStore, DirtyBitmap } from '@tidemark/core';
import type { EarlierTry, Resumable } from '@tidemark/repository';

/** A chain's bitmap, and what a backup that is cut off leaves beside it. */
export interface FollowedChain {
  readonly bitmap: BackupBitmap;
  readonly resumable: Resumable;
}

/**
 * Follows a chain so that a backup which is cut off can be gone on with: the bitmap of its restore point
 * begins when much of the drive was read already, beside the one that is followed. The drive is locked
 * for as long, so nothing lies between its beginning and the restore point. Should the point never be
 * there, the bitmap tells what was written since.
 */
export async function followResumably(
  store: BitmapStore,
  options: KnownChainOptions,
): Promise<FollowedChain> {
  const { name, granularity, begun } = options;
  const bitmap = await followKnownChain(store, options);
  const earlier: EarlierTry[] = [];
  const infos = await store.list();
  for (const { name: own, checkpoint } of findInChain(infos, { name, begun }).all) {
    const info = infos.find((each) => each.name === own);
    if (info?.state !== 'stored' || !info.enabled || begun.includes(checkpoint)) continue;
    earlier.push({ checkpoint, changed: await store.load(own) });
  }
  let begins: string | undefined;
  const removeAllBut = async (...kept: readonly (string | undefined)[]) => {
    const { all } = findInChain(await store.list(), { name, begun });
    return all.flatMap((each) =>
      kept.includes(each.name) ? [] : [{ op: 'remove', name: each.name } as const],
    );
  };
  const begin = async (checkpoint: string, reliedOn: string | undefined) => {
    const next = chainBitmapName(name, checkpoint);
    if (begins === next) return;
    const before = reliedOn === undefined ? undefined : chainBitmapName(name, reliedOn);
    const content = new DirtyBitmap(store.diskSize, granularity);
    await store.commit([
      ...(await removeAllBut(bitmap.name, before)),
      { op: 'create', name: next, enabled: true, content },
    ]);
    begins = next;
  };
  const onDurable = async (checkpoint: string) => {
    if (begins === undefined) return bitmap.onDurable(checkpoint);
    const changes = await removeAllBut(begins);
    if (changes.length > 0) await store.commit(changes);
  };
  return { bitmap: { ...bitmap, onDurable }, resumable: { begin, earlier } };
}
