import { isTidemarkError } from '@tidemark/core';
import type { Sealer } from '../crypt/sealer.ts';
import { TABLE_NUMBER } from '../crypt/sealer.ts';
import { corrupt } from '../format/corrupt.ts';
import { toHex } from '../format/digest.ts';
import { MAX_BLOBS_IN_PACK, MAX_PACK_SIZE, SALT_SIZE, SEAL_SIZE } from '../format/limits.ts';
import { packKey } from '../format/object-keys.ts';
import {
  decodeTable,
  ENTRY_SIZE,
  PACK_MAGIC,
  PACK_VERSION,
  type PackEntry,
  PackFooter,
  PackHeader,
  packSize,
} from '../format/pack-table.ts';

export interface PackContent {
  readonly table: Uint8Array;
  readonly entries: readonly PackEntry[];
  readonly salt: Uint8Array;
}

/** Gives bytes of a pack. */
type ReadPart = (offset: number, length: number) => Promise<Uint8Array>;

/**
 * What a pack says that it holds, without a look at its index or at its blobs. Its name is the digest
 * of what it says. @throws BACKUP_CORRUPT
 */
export async function readPackTable(
  id: string,
  size: number,
  sealer: Sealer,
  read: ReadPart,
): Promise<PackContent> {
  const where = packKey(id);
  const least = PackHeader.size + PackFooter.size;
  if (size < least || size > MAX_PACK_SIZE) throw corrupt(where, `no pack has ${size} bytes`);
  const header = decoded(PackHeader, await read(0, PackHeader.size), where);
  const end = await read(size - PackFooter.size, PackFooter.size);
  const footer = decoded(PackFooter, end, where);
  const isPack = header.magic === PACK_MAGIC && footer.magic === PACK_MAGIC;
  if (!isPack || header.version !== PACK_VERSION) {
    throw corrupt(where, 'it is no pack of this version');
  }
  const { count, tableLength } = footer;
  if (count > MAX_BLOBS_IN_PACK || tableLength > SALT_SIZE + count * ENTRY_SIZE + SEAL_SIZE) {
    throw corrupt(where, 'its table is larger than any may be');
  }
  if (tableLength > size - least) throw corrupt(where, 'its table is larger than itself');
  const sealed = await read(size - PackFooter.size - tableLength, tableLength);
  const table = sealer.forPack(header.salt).open(TABLE_NUMBER, sealed, where);
  if (toHex(sealer.digest(table)) !== id) throw corrupt(where, 'its table is not what it was');
  const entries = decodeTable(table, where);
  if (packSize(entries, sealer.overhead) !== size) throw corrupt(where, 'its length is wrong');
  return { table, entries, salt: header.salt };
}

interface Decodable<T> {
  decode(bytes: Uint8Array): T;
}

function decoded<T>(type: Decodable<T>, bytes: Uint8Array, where: string): T {
  try {
    return type.decode(bytes);
  } catch (cause) {
    if (isTidemarkError(cause)) throw corrupt(where, cause.message, cause);
    throw cause;
  }
}
