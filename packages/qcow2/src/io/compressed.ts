import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { TidemarkError } from '@tidemark/core';
import { corrupt } from '../errors.ts';

export interface CompressedCluster {
  readonly where: string;
  /** Host offset, for messages. */
  readonly offset: number;
  readonly type: 'zlib' | 'zstd';
  /** The stream; whatever follows its end is ignored. */
  readonly bytes: Uint8Array;
  readonly clusterSize: number;
}

/**
 * One cluster's content. Decoding stops at its size, whatever the stream would go on to hold.
 * @throws IMAGE_CORRUPT; IMAGE_UNSUPPORTED where Node.js has no zstd
 */
export async function decompress(cluster: CompressedCluster): Promise<Uint8Array> {
  const { where, offset, clusterSize } = cluster;
  const fault = (problem: string) =>
    corrupt({ where, struct: 'compressed cluster', offset, problem });
  const stream = createDecoder(cluster);
  const content = new Uint8Array(clusterSize);
  let filled = 0;
  const decoded = new Promise<void>((resolve, reject) => {
    stream.on('data', (chunk: Uint8Array) => {
      const part = chunk.subarray(0, clusterSize - filled);
      content.set(part, filled);
      filled += part.length;
      if (filled === clusterSize) resolve();
    });
    stream.on('error', (error) => reject(fault(`does not decode: ${error.message}`)));
    stream.on('end', () => reject(fault(`decodes to ${filled} of ${clusterSize} bytes`)));
  });
  stream.end(cluster.bytes);
  try {
    await decoded;
    return content;
  } finally {
    stream.destroy();
  }
}

function createDecoder({ type, where, clusterSize }: CompressedCluster): Transform {
  // One chunk a cluster, so that an error behind the stream's end comes after all of the content.
  const options = { chunkSize: clusterSize };
  if (type === 'zlib') return zlib.createInflateRaw(options);
  if (typeof zlib.createZstdDecompress !== 'function') {
    throw new TidemarkError('IMAGE_UNSUPPORTED', 'this Node.js cannot read zstd', {
      where,
      hint: 'use Node.js 22.15 or later',
    });
  }
  return zlib.createZstdDecompress(options);
}
