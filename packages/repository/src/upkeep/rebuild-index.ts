import { isTidemarkError } from '@tidemark/core';
import { sizesById } from '../blobs/load-index.ts';
import { readIndexObject } from '../blobs/load-index.ts';
import { INDEX_PREFIX, indexKey, packKey, PACKS_PREFIX } from '../format/object-keys.ts';
import type { Repository } from '../repository.ts';
import { readPackTable } from './read-pack.ts';

/** What `rebuildIndex` did. */
export interface RebuiltIndex {
  /** Packs that had an index, and have one again. */
  readonly rebuilt: readonly string[];
  readonly problems: readonly { readonly pack: string; readonly error: Error }[];
}

/** Makes the index of every pack that has none, or a damaged one, from the pack itself. */
export async function rebuildIndex(repository: Repository): Promise<RebuiltIndex> {
  const { store, sealer } = repository;
  const known = await sizesById(store, INDEX_PREFIX);
  const packs = await sizesById(store, PACKS_PREFIX);
  const rebuilt: string[] = [];
  const problems: { pack: string; error: Error }[] = [];
  for (const [id, size] of packs) {
    try {
      if (await hasIndex(repository, id, known.get(id))) continue;
      const read = async (offset: number, length: number) =>
        store.get(packKey(id), { offset, length });
      const { table } = await readPackTable(id, size, sealer, read);
      await store.putIfAbsent(indexKey(id), sealer.sealObject(indexKey(id), table));
      rebuilt.push(id);
    } catch (error) {
      if (!isTidemarkError(error, 'BACKUP_CORRUPT')) throw error;
      problems.push({ pack: id, error });
    }
  }
  repository.forgetIndex();
  return { rebuilt, problems };
}

/** A damaged one is removed: nothing is lost, since the pack says all that it said. */
async function hasIndex(
  { store, sealer }: Repository,
  id: string,
  size: number | undefined,
): Promise<boolean> {
  if (size === undefined) return false;
  try {
    return (await readIndexObject(store, sealer, id, size)) !== undefined;
  } catch (error) {
    if (!isTidemarkError(error, 'BACKUP_CORRUPT')) throw error;
    await store.delete(indexKey(id));
    return false;
  }
}
