import { type ErrorCode, TidemarkError } from '@tidemark/core';
import { roundUp } from '../geometry.ts';
import type { BitmapsPointer, ImageMetadata } from '../image-metadata.ts';
import type { BitmapRecord } from './directory-codec.ts';
import type { NewClusters } from './new-clusters.ts';
import { BitmapLimit } from './spec.ts';

/** @throws BITMAP_UNSUPPORTED, BITMAP_INVALID: the image cannot hold so many bitmaps, or any */
export function assertCanHold(image: ImageMetadata, diskSize: number, count: number): void {
  if (count === 0) return;
  if (image.version < 3) {
    const hint = "upgrade it with 'qemu-img amend -o compat=1.1'";
    throw refusal(image, 'BITMAP_UNSUPPORTED', 'a version 2 image cannot hold bitmaps', hint);
  }
  if (diskSize === 0) {
    throw refusal(image, 'BITMAP_INVALID', 'the disk has no bytes to track', 'resize it first');
  }
  if (count > BitmapLimit.bitmaps) {
    const problem = `${count} bitmaps are more than the ${BitmapLimit.bitmaps} an image can hold`;
    throw refusal(image, 'BITMAP_INVALID', problem, 'remove some bitmaps first');
  }
}

/** Writes a directory to new clusters; nothing points to it yet. No records: no directory. */
export async function writeDirectory(
  image: ImageMetadata,
  records: readonly BitmapRecord[],
  clusters: NewClusters,
): Promise<BitmapsPointer | undefined> {
  if (records.length === 0) return undefined;
  const directorySize = records.reduce((size, { bytes }) => size + bytes.length, 0);
  if (directorySize > BitmapLimit.directoryBytes) {
    const problem = 'the names of the bitmaps are too long, taken together';
    throw refusal(image, 'BITMAP_INVALID', problem, 'remove some bitmaps first');
  }
  // Zeros to the cluster's end: whoever reads the directory in whole clusters finds no leftovers
  // there, as happens behind QEMU's own (its issue 3516).
  const bytes = new Uint8Array(roundUp(directorySize, image.clusterSize));
  let at = 0;
  for (const record of records) {
    bytes.set(record.bytes, at);
    at += record.bytes.length;
  }
  const directoryOffset = await clusters.allocate(bytes.length / image.clusterSize);
  await image.writeHost(bytes, directoryOffset);
  return { bitmapCount: records.length, directoryOffset, directorySize };
}

function refusal(
  { label }: ImageMetadata,
  code: ErrorCode,
  problem: string,
  hint: string,
): TidemarkError {
  return new TidemarkError(code, problem, { where: label, hint });
}
