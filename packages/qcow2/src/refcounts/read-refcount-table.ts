import { corrupt } from '../errors.ts';
import { TABLE_ENTRY_SIZE } from '../geometry.ts';
import type { ImageHeader } from '../header/image-header.ts';
import type { HostFile } from '../io/host-file.ts';
import { usedEntries } from '../util/used-entries.ts';

const RESERVED_BITS = 0x1ffn;

/** Host offsets of refcount blocks, 0 where there is none. @throws IMAGE_CORRUPT */
export async function readRefcountTable(
  file: HostFile,
  header: ImageHeader,
): Promise<Float64Array<ArrayBuffer>> {
  const length = header.refcountTableClusters * 2 ** header.clusterBits;
  const bytes = await file.readNewSoon(header.refcountTableOffset, length);
  // Big-endian on disk.
  Buffer.from(bytes.buffer).swap64();
  const entries = new BigUint64Array(bytes.buffer);
  const table = new Float64Array(entries.length);
  for (const index of usedEntries(entries)) {
    const problem = problemOf(entries[index]!, 2 ** header.clusterBits, file.size);
    if (problem !== undefined) throw fault(file, header, index, problem);
    table[index] = Number(entries[index]);
  }
  return table;
}

function problemOf(entry: bigint, clusterSize: number, fileSize: number): string | undefined {
  if ((entry & RESERVED_BITS) !== 0n) return 'has reserved bits set';
  if (entry % BigInt(clusterSize) !== 0n) return `is ${entry}, not the start of a cluster`;
  if (entry + BigInt(clusterSize) <= BigInt(fileSize)) return undefined;
  return `is ${entry}: the file ends at ${fileSize}, before the block does`;
}

function fault(file: HostFile, header: ImageHeader, index: number, problem: string): Error {
  return corrupt({
    where: file.label,
    struct: 'refcount table',
    field: `entry ${index}`,
    offset: header.refcountTableOffset + index * TABLE_ENTRY_SIZE,
    problem,
  });
}
