import { isTidemarkError } from '@tidemark/core';
import { runInFlight } from '@tidemark/backup/parts';
import type { ObjectStore } from '@tidemark/object-store';
import type { Sealer } from '../crypt/sealer.ts';
import { corrupt } from '../format/corrupt.ts';
import { toHex } from '../format/digest.ts';
import { MAX_BLOBS_IN_PACK, MAX_PACKS, SALT_SIZE, SEAL_SIZE } from '../format/limits.ts';
import { idInKey, indexKey, INDEX_PREFIX, packKey, PACKS_PREFIX } from '../format/object-keys.ts';
import { decodeTable, ENTRY_SIZE, type PackEntry, packSize } from '../format/pack-table.ts';
import type { Root } from '../format/root.ts';
import { BlobIndex } from './blob-index.ts';

const IN_FLIGHT = 16;
const MAX_INDEX_SIZE = 2 * SALT_SIZE + MAX_BLOBS_IN_PACK * ENTRY_SIZE + SEAL_SIZE;

export interface LoadedIndex {
  readonly blobs: BlobIndex;
  /** `Root.prunes` as it was before: packs that were condemned later are in it. */
  readonly prunes: number;
  /** Index objects that cannot be used. What is in their packs is not found. */
  readonly problems: readonly Error[];
}

/**
 * Reads the index of every pack that is there and that nobody is removing. A pack that is missing, or
 * cut short, holds nothing: what was in it is stored anew.
 */
export async function loadIndex(
  store: ObjectStore,
  sealer: Sealer,
  { condemned, prunes }: Root,
): Promise<LoadedIndex> {
  const blobs = new BlobIndex();
  const problems: Error[] = [];
  // A pack is there before its index is.
  const found = await sizesById(store, INDEX_PREFIX);
  const packs = await sizesById(store, PACKS_PREFIX);
  for (const id of condemned) found.delete(id);
  await runInFlight(each(found), IN_FLIGHT, async ([id, size]) => {
    try {
      const entries = await readIndexObject(store, sealer, id, size);
      if (entries === undefined) return;
      assertPackIsWhole(id, packs.get(id), packSize(entries, sealer.overhead));
      blobs.addPack(id, entries);
    } catch (error) {
      // One bad pack must not take the others away: who needs what is in it will say so.
      if (!isTidemarkError(error, 'BACKUP_CORRUPT')) throw error;
      problems.push(error);
    }
  });
  return { blobs, prunes, problems };
}

async function* each<T>(values: Iterable<T>): AsyncGenerator<T> {
  yield* values;
}

/** Sizes of the objects whose key ends with an id. @throws BACKUP_CORRUPT: more than there can be */
export async function sizesById(store: ObjectStore, prefix: string): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for await (const { key, size } of store.list(prefix)) {
    const id = idInKey(key);
    if (id === undefined) continue;
    sizes.set(id, size);
    if (sizes.size > MAX_PACKS) throw corrupt(store.label, `it has more than ${MAX_PACKS} packs`);
  }
  return sizes;
}

function assertPackIsWhole(id: string, size: number | undefined, expected: number): void {
  if (size === expected) return;
  const reason = size === undefined ? 'it is missing' : `it has ${size} bytes, not ${expected}`;
  throw corrupt(packKey(id), reason);
}

/** Undefined: it was removed meanwhile. @throws BACKUP_CORRUPT */
export async function readIndexObject(
  store: ObjectStore,
  sealer: Sealer,
  id: string,
  size: number,
): Promise<readonly PackEntry[] | undefined> {
  const key = indexKey(id);
  if (size > MAX_INDEX_SIZE) throw corrupt(key, `${size} bytes are more than it may have`);
  let stored: Uint8Array;
  try {
    stored = await store.get(key);
  } catch (error) {
    if (isTidemarkError(error, 'FILE_NOT_FOUND')) return undefined;
    throw error;
  }
  const table = sealer.openObject(key, stored);
  if (toHex(sealer.digest(table)) !== id) throw corrupt(key, 'it fails its digest');
  return decodeTable(table, key);
}
