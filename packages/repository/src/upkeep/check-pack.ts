import { isTidemarkError } from '@tidemark/core';
import { decodeBlob } from '../blobs/encode-blob.ts';
import { corrupt } from '../format/corrupt.ts';
import { sameDigest } from '../format/digest.ts';
import { packKey } from '../format/object-keys.ts';
import type { PackEntry } from '../format/pack-table.ts';
import type { Repository } from '../repository.ts';
import { readPackTable } from './read-pack.ts';

export interface DamagedBlob {
  readonly digest: Uint8Array;
  readonly error: Error;
}

/** Reads a pack whole, and checks every blob. A pack that says nothing any more has one damage. */
export async function checkPack(
  { store, sealer }: Repository,
  id: string,
  size: number,
): Promise<readonly DamagedBlob[]> {
  const where = packKey(id);
  const damaged: DamagedBlob[] = [];
  try {
    const bytes = await store.get(where);
    const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
    const { entries, salt } = await readPackTable(id, size, sealer, read);
    const pack = sealer.forPack(salt);
    const check = (entry: PackEntry, number: number): void => {
      const sealed = bytes.subarray(entry.offset, entry.offset + entry.storedLength);
      const packed = pack.open(number, sealed, where);
      const plain = decodeBlob({ encoding: entry.encoding, bytes: packed }, entry.length, where);
      if (sameDigest(sealer.digest(plain), entry.digest)) return;
      throw corrupt(where, `the block at ${entry.offset} fails its digest`);
    };
    entries.forEach((entry, number) => {
      try {
        check(entry, number);
      } catch (error) {
        damaged.push({ digest: entry.digest, error: asDamage(error) });
      }
    });
  } catch (error) {
    damaged.push({ digest: new Uint8Array(0), error: asDamage(error) });
  }
  return damaged;
}

function asDamage(error: unknown): Error {
  if (isTidemarkError(error, 'BACKUP_CORRUPT')) return error;
  if (isTidemarkError(error, 'FILE_NOT_FOUND'))
    return corrupt(error.context.where ?? '', 'it is missing', error);
  throw error;
}
