import { ioBuffer } from '@tidemark/block';
import { DirtyBitmap, TidemarkError } from '@tidemark/core';
import type { ImageMetadata } from '../image-metadata.ts';
import type { BitmapRecord } from './directory-codec.ts';
import { directoryFault } from './faults.ts';
import { BitmapLimit, tableSizeFor } from './spec.ts';
import {
  ALL_ONES,
  ALL_ZEROS,
  type BitmapTable,
  decodeTable,
  entryFault,
  type TableRun,
  tableRuns,
} from './table-codec.ts';

/** Bytes of bitmap data to read or write at once. */
export const TRANSFER_SIZE = 1024 * 1024;

/**
 * The bits of a bitmap. All-zero and all-one parts cost no I/O, the rest a read for each run.
 * @throws IMAGE_CORRUPT: never are missing bits taken for clean ones
 */
export async function readContent(
  image: ImageMetadata,
  record: BitmapRecord,
  diskSize: number,
): Promise<DirtyBitmap> {
  const { clusterSize } = image;
  const content = new DirtyBitmap(diskSize, record.granularity);
  const table = await readTable(image, record);
  const maxClusters = Math.max(1, TRANSFER_SIZE / clusterSize);
  const buffer = ioBuffer(Math.min(maxClusters, table.length) * clusterSize);

  for (const { index, count, start } of tableRuns(table, clusterSize, maxClusters)) {
    if (start === ALL_ZEROS) continue;
    const at = index * clusterSize;
    const length = Math.min(count * clusterSize, content.serializedLength - at);
    if (start === ALL_ONES) {
      content.fill(at, length, true);
      continue;
    }
    const part = buffer.subarray(0, length);
    await readData(image, record, part, { index, start });
    content.deserialize(part, at);
  }
  return content;
}

/**
 * Bits that lie in the file, from the start of a run on.
 * @throws IMAGE_CORRUPT where the file ends before they do: they are not taken for clean ones
 */
export async function readData(
  image: ImageMetadata,
  record: BitmapRecord,
  target: Uint8Array,
  run: Pick<TableRun, 'index' | 'start'>,
): Promise<void> {
  assertInFile(image, record, run, target.length);
  await image.readHost(target, run.start);
}

/** @throws IMAGE_CORRUPT */
export function assertInFile(
  image: ImageMetadata,
  { name, tableOffset }: BitmapRecord,
  { index, start }: Pick<TableRun, 'index' | 'start'>,
  length: number,
): void {
  const end = image.fileSize;
  if (start + length <= end) return;
  const source = { where: image.label, bitmap: name, offset: tableOffset };
  throw entryFault(source, index, `is ${start}, and the file ends at ${end}`);
}

/** @throws IMAGE_CORRUPT when the table does not lie in the file, or an entry breaks a rule */
export async function readTable(image: ImageMetadata, record: BitmapRecord): Promise<BitmapTable> {
  return readTablePart(image, record, { index: 0, count: record.tableSize });
}

/** Entries of a table, and no more of it. @throws as `readTable` */
export async function readTablePart(
  image: ImageMetadata,
  record: BitmapRecord,
  { index, count }: { readonly index: number; readonly count: number },
): Promise<BitmapTable> {
  const offset = record.tableOffset + index * 8;
  const where = image.label;
  const problem = tableProblem(image, record);
  if (problem !== undefined) throw tableFault(image, record, problem);
  const bytes = new Uint8Array(count * 8);
  await image.readHost(bytes, offset);
  return decodeTable({
    where,
    bitmap: record.name,
    offset,
    clusterSize: image.clusterSize,
    bytes,
  });
}

/** Why the table cannot be where the entry says it is. */
function tableProblem(
  { clusterSize, fileSize }: ImageMetadata,
  { tableOffset, tableSize }: BitmapRecord,
): string | undefined {
  if (tableOffset === 0) return 'has no place in the file';
  if (tableOffset % clusterSize !== 0) return `is at ${tableOffset}, not the start of a cluster`;
  if (tableSize === 0) return 'is empty';
  if (tableSize * clusterSize > BitmapLimit.contentBytes) {
    return `has ${tableSize} entries, for more than 512 MiB of bits`;
  }
  if (tableOffset + tableSize * 8 <= fileSize) return undefined;
  return `is at ${tableOffset}, and the file ends at ${fileSize}, before the table does`;
}

function tableFault(image: ImageMetadata, record: BitmapRecord, problem: string): TidemarkError {
  return directoryFault({
    where: image.label,
    bitmap: record.name,
    struct: 'bitmap table',
    problem,
  });
}

/**
 * What has to hold before the table is looked at. A bitmap in use is not checked: what its entry
 * says is out of date, and nobody will read it.
 * @throws IMAGE_CORRUPT
 */
export function checkTablePlace(
  image: ImageMetadata,
  record: BitmapRecord,
  diskSize: number,
): void {
  if (record.inUse || record.unsupported !== undefined) return;
  const expected = tableSizeFor(diskSize, record.granularity, image.clusterSize);
  const problem =
    tableProblem(image, record) ??
    (record.tableSize === expected
      ? undefined
      : `has ${record.tableSize} entries, and a disk of ${diskSize} bytes needs ${expected}`);
  if (problem !== undefined) throw tableFault(image, record, problem);
}
