import { isTidemarkError, reserved, struct, TidemarkError, u32, u64 } from '@tidemark/core';

/** docs/format-v1.md, "index". Big-endian. */
export const IndexHeader = struct('index header', {
  magic: u32,
  version: u32,
  granularity: u32,
  reserved: reserved(4),
  driveSize: u64,
  reservedEnd: reserved(8),
});

/** Digests of `count` granules follow a run of data. */
export const IndexRun = struct('index run', {
  first: u64,
  count: u64,
  kind: u32,
  reserved: reserved(4),
});

/** "TMBI" */
export const INDEX_MAGIC = 0x544d_4249;
export const INDEX_VERSION = 1;
export const RUN_DATA = 1;
export const RUN_ZERO = 2;
/** SHA-256 of a granule's bytes, cut to its first 16. */
export const DIGEST_SIZE = 16;
/** Granules in one run of data: bounds what a reader holds. */
export const MAX_DATA_RUN = 1024;

interface Decodable<T> {
  decode(bytes: Uint8Array, at?: number): T;
}

/** Decodes a struct of a backup: what is wrong with it is BACKUP_CORRUPT here. */
export function decodeStruct<T>(
  type: Decodable<T>,
  bytes: Uint8Array,
  at: number,
  where: string,
): T {
  try {
    return type.decode(bytes, at);
  } catch (cause) {
    if (!isTidemarkError(cause)) throw cause;
    throw new TidemarkError('BACKUP_CORRUPT', `'${where}' is damaged`, { where }, cause);
  }
}
