import { bytes, reserved, struct, u16, u32, u8 } from '@tidemark/core';
import { corrupt } from './corrupt.ts';
import {
  DIGEST_SIZE,
  MAX_BLOB_SIZE,
  MAX_BLOBS_IN_PACK,
  MAX_PACK_SIZE,
  SALT_SIZE,
  SEAL_SIZE,
} from './limits.ts';

/** Where a pack begins: what its encryption needs to know, then blobs. */
export const PackHeader = struct('pack header', {
  magic: u32,
  version: u16,
  reserved: reserved(10),
  /** Random: of the pack's name, and of its own key where it is encrypted. */
  salt: bytes(SALT_SIZE),
});

/** Where it ends: behind the blobs and the table. */
export const PackFooter = struct('pack footer', {
  count: u32,
  /** Bytes of the table as it is stored. */
  tableLength: u32,
  reserved: reserved(4),
  magic: u32,
});

const TableEntry = struct('pack table entry', {
  digest: bytes(DIGEST_SIZE),
  storedLength: u32,
  length: u32,
  kind: u8,
  encoding: u8,
  reserved: reserved(6),
});

/** "TMPK" */
export const PACK_MAGIC = 0x544d_504b;
export const PACK_VERSION = 1;
export const ENTRY_SIZE: number = TableEntry.size;

/** What a blob is of: content of a drive, or a node of a map. */
export type BlobKind = 'data' | 'node';
export type BlobEncoding = 'plain' | 'zstd';

const KINDS: readonly BlobKind[] = ['data', 'node'];
const ENCODINGS: readonly BlobEncoding[] = ['plain', 'zstd'];

export interface PackEntry {
  readonly digest: Uint8Array;
  /** Bytes in the pack from its beginning. */
  readonly offset: number;
  readonly storedLength: number;
  /** Bytes of the blob itself. */
  readonly length: number;
  readonly kind: BlobKind;
  readonly encoding: BlobEncoding;
}

/**
 * The salt and the table of a pack, which are its index object too: their digest is the pack's name.
 */
export function encodeTable(salt: Uint8Array, entries: readonly PackEntry[]): Uint8Array {
  const table = new Uint8Array(SALT_SIZE + entries.length * ENTRY_SIZE);
  table.set(salt);
  entries.forEach((entry, index) => {
    const { digest, storedLength, length } = entry;
    const kind = KINDS.indexOf(entry.kind) + 1;
    const encoding = ENCODINGS.indexOf(entry.encoding) + 1;
    const values = { digest, storedLength, length, kind, encoding, reserved: null };
    TableEntry.encode(values, table, SALT_SIZE + index * ENTRY_SIZE);
  });
  return table;
}

/** Blobs lie one behind the other, so that no table can name a place outside. @throws BACKUP_CORRUPT */
export function decodeTable(table: Uint8Array, where: string): readonly PackEntry[] {
  const count = (table.length - SALT_SIZE) / ENTRY_SIZE;
  if (!Number.isInteger(count) || count < 1 || count > MAX_BLOBS_IN_PACK) {
    throw corrupt(where, `it has ${table.length} bytes, which are no table of a pack`);
  }
  const entries: PackEntry[] = [];
  let offset = PackHeader.size;
  for (let index = 0; index < count; index++) {
    const entry = decodeEntry(table, index, offset, where);
    entries.push(entry);
    offset += entry.storedLength;
    if (offset > MAX_PACK_SIZE) throw corrupt(where, 'it is of a pack larger than any may be');
  }
  return entries;
}

function decodeEntry(table: Uint8Array, index: number, offset: number, where: string): PackEntry {
  let fields;
  try {
    fields = TableEntry.decode(table, SALT_SIZE + index * ENTRY_SIZE);
  } catch (cause) {
    throw corrupt(where, `entry ${index} is not valid`, cause);
  }
  const { digest, storedLength, length } = fields;
  const kind = KINDS[fields.kind - 1];
  const encoding = ENCODINGS[fields.encoding - 1];
  const isSound =
    kind !== undefined &&
    encoding !== undefined &&
    length >= 1 &&
    length <= MAX_BLOB_SIZE &&
    storedLength >= 1 &&
    // What does not shrink is stored plain.
    storedLength <= length + SEAL_SIZE;
  if (!isSound) throw corrupt(where, `entry ${index} is not valid`);
  return { digest: digest.slice(), offset, storedLength, length, kind, encoding };
}

/** Bytes of a whole pack. `overhead`: what sealing adds to its table. */
export function packSize(entries: readonly PackEntry[], overhead: number): number {
  const last = entries.at(-1)!;
  const table = SALT_SIZE + entries.length * ENTRY_SIZE + overhead;
  return last.offset + last.storedLength + table + PackFooter.size;
}
