import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Compression } from '../format/config.ts';
import { corrupt } from '../format/corrupt.ts';
import type { BlobEncoding } from '../format/pack-table.ts';

const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

export interface EncodedBlob {
  readonly encoding: BlobEncoding;
  readonly bytes: Uint8Array;
}

/** Compressed where that saves an eighth at least: else reading it would cost for nothing. */
export function encodeBlob(plain: Uint8Array, compression: Compression): EncodedBlob {
  if (compression === 'none') return { encoding: 'plain', bytes: plain };
  const packed = zstdCompressSync(plain, OPTIONS);
  return packed.length <= plain.length - plain.length / 8
    ? { encoding: 'zstd', bytes: packed }
    : { encoding: 'plain', bytes: plain };
}

/** `length`: what its entry says; more is never unpacked. @throws BACKUP_CORRUPT */
export function decodeBlob(
  { encoding, bytes }: EncodedBlob,
  length: number,
  where: string,
): Uint8Array {
  let plain: Uint8Array;
  try {
    plain = encoding === 'plain' ? bytes : zstdDecompressSync(bytes, { maxOutputLength: length });
  } catch (cause) {
    throw corrupt(where, 'a block cannot be unpacked', cause);
  }
  if (plain.length !== length) throw corrupt(where, 'a block has a wrong length');
  return plain;
}
