import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { TidemarkError } from '@tidemark/core';

export interface Uncompressed {
  readonly where: string;
  readonly type: 'zlib' | 'zstd';
  /** One cluster. */
  readonly content: Uint8Array;
}

/** qcow2.rst, "compression_type": deflate without a head. QEMU reads windows of 4 KiB and no larger. */
const DEFLATE = { windowBits: 12, memLevel: 9 };

/**
 * One cluster's content, compressed as QEMU reads it; undefined: that would save nothing. @throws
 * IMAGE_UNSUPPORTED where Node.js has no zstd
 */
export async function compress(cluster: Uncompressed): Promise<Uint8Array | undefined> {
  const packed = await pack(cluster);
  return packed.length < cluster.content.length ? packed : undefined;
}

function pack({ where, type, content }: Uncompressed): Promise<Uint8Array> {
  if (type === 'zlib') return promisify(zlib.deflateRaw)(content, DEFLATE);
  if (typeof zlib.zstdCompress === 'function') return promisify(zlib.zstdCompress)(content);
  throw new TidemarkError('IMAGE_UNSUPPORTED', 'this Node.js cannot write zstd', {
    where,
    hint: 'use Node.js 22.15 or later',
  });
}
