import type { DirtyBitmap } from '@tidemark/core';
import type { ImageMetadata } from '../image-metadata.ts';
import type { NewClusters } from './new-clusters.ts';
import { TRANSFER_SIZE } from './read-content.ts';
import { tableSizeFor } from './spec.ts';
import { ALL_ONES, ALL_ZEROS, type BitmapTable, encodeTable, HAS_DATA } from './table-codec.ts';

/** Where a bitmap table lies. */
export interface TablePlace {
  readonly tableOffset: number;
  readonly tableSize: number;
}

/** Writes bits and their table to new clusters; nothing points to them yet. @throws NO_SPACE */
export async function writeContent(
  image: ImageMetadata,
  content: DirtyBitmap,
  clusters: NewClusters,
): Promise<TablePlace> {
  const table = planTable(content, image.clusterSize);
  const maxClusters = Math.max(1, TRANSFER_SIZE / image.clusterSize);
  for (let index = 0; index < table.length; index++) {
    if (table[index] !== HAS_DATA) continue;
    let end = index + 1;
    while (end < table.length && end - index < maxClusters && table[end] === HAS_DATA) end++;
    const offset = await writeData(image, content, clusters, { index, count: end - index });
    for (let i = index; i < end; i++) table[i] = offset + (i - index) * image.clusterSize;
    index = end - 1;
  }
  return writeTable(image, table, clusters);
}

/** Writes a table that is whole to new clusters; nothing points to them yet. @throws NO_SPACE */
export async function writeTable(
  image: ImageMetadata,
  table: BitmapTable,
  clusters: NewClusters,
): Promise<TablePlace> {
  // Nobody reads what is behind it in its last cluster: the directory says how long it is.
  const bytes = new Uint8Array(table.length * 8);
  encodeTable(table, bytes);
  const tableOffset = await clusters.allocate(Math.ceil(bytes.length / image.clusterSize));
  await image.writeHost(bytes, tableOffset);
  return { tableOffset, tableSize: table.length };
}

function planTable(content: DirtyBitmap, clusterSize: number): BitmapTable {
  const { diskSize, granularity, serializedLength } = content;
  const table = new Float64Array(tableSizeFor(diskSize, granularity, clusterSize));
  if (content.count === 0) return table;
  for (const index of table.keys()) {
    const at = index * clusterSize;
    const kind = content.contentOf(at, Math.min(clusterSize, serializedLength - at));
    // An all-ones entry sets whole clusters, also the bits behind the end, which have to be zero.
    const isWhole = (index + 1) * clusterSize * 8 <= content.length;
    if (kind === 'zeros') table[index] = ALL_ZEROS;
    else table[index] = kind === 'ones' && isWhole ? ALL_ONES : HAS_DATA;
  }
  return table;
}

async function writeData(
  image: ImageMetadata,
  content: DirtyBitmap,
  clusters: NewClusters,
  { index, count }: { readonly index: number; readonly count: number },
): Promise<number> {
  const bytes = new Uint8Array(count * image.clusterSize);
  content.serialize(bytes, index * image.clusterSize);
  const offset = await clusters.allocate(count);
  await image.writeHost(bytes, offset);
  return offset;
}
