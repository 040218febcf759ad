import { bytes, reserved, struct, u16, u32, u64 } from '@tidemark/core';
import type { Sealer } from '../crypt/sealer.ts';
import { corrupt } from './corrupt.ts';
import { sameDigest } from './digest.ts';
import { DIGEST_SIZE, MAX_TRY_ENTRIES } from './limits.ts';

/** docs/repository-format.md, "Tries": what was read of a drive by a backup that may be cut off. */
const Header = struct('try header', {
  magic: u32,
  version: u16,
  reserved: reserved(2),
  granularity: u32,
  count: u32,
  size: u64,
});
const Entry = struct('try entry', { granule: u64, digest: bytes(DIGEST_SIZE) });

/** "TMTY" */
const MAGIC = 0x544d_5459;
const VERSION = 1;
const ZEROS: Uint8Array = new Uint8Array(DIGEST_SIZE);

export interface TryRecord {
  /** Bytes, of the drive and of a granule. */
  readonly size: number;
  readonly granularity: number;
  /** Ascending. */
  readonly entries: readonly TryEntry[];
}

export interface TryEntry {
  readonly granule: number;
  /** Undefined: all zeros. */
  readonly digest: Uint8Array | undefined;
}

/** Its own digest lies behind it: nothing else names it. */
export function encodeTry({ size, granularity, entries }: TryRecord, sealer: Sealer): Uint8Array {
  const end = Header.size + entries.length * Entry.size;
  const record = new Uint8Array(end + DIGEST_SIZE);
  const about = { magic: MAGIC, version: VERSION, reserved: null, granularity };
  Header.encode({ ...about, count: entries.length, size: BigInt(size) }, record);
  entries.forEach(({ granule, digest = ZEROS }, index) => {
    Entry.encode({ granule: BigInt(granule), digest }, record, Header.size + index * Entry.size);
  });
  record.set(sealer.digest(record.subarray(0, end)), end);
  return record;
}

/** @throws BACKUP_CORRUPT */
export function decodeTry(record: Uint8Array, sealer: Sealer, where: string): TryRecord {
  const end = record.length - DIGEST_SIZE;
  const count = (end - Header.size) / Entry.size;
  if (!Number.isInteger(count) || count < 1 || count > MAX_TRY_ENTRIES) {
    throw corrupt(where, `it has ${record.length} bytes, which are no record`);
  }
  if (!sameDigest(sealer.digest(record.subarray(0, end)), record.subarray(end))) {
    throw corrupt(where, 'it fails its digest');
  }
  const header = Header.decode(record);
  if (header.magic !== MAGIC || header.version !== VERSION || header.count !== count) {
    throw corrupt(where, 'it is no record of a try');
  }
  const entries: TryEntry[] = [];
  for (let index = 0; index < count; index++) {
    const { granule, digest } = Entry.decode(record, Header.size + index * Entry.size);
    const isZero = sameDigest(digest, ZEROS);
    entries.push({ granule: Number(granule), digest: isZero ? undefined : digest.slice() });
  }
  return { size: Number(header.size), granularity: header.granularity, entries };
}
