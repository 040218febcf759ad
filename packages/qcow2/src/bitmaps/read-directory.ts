import type { BitmapsPointer, ImageMetadata } from '../image-metadata.ts';
import { type BitmapRecord, decodeDirectory } from './directory-codec.ts';
import { directoryFault } from './faults.ts';
import { checkTablePlace } from './read-content.ts';
import { BitmapLimit } from './spec.ts';

/**
 * The entries of the directory that `pointer` names; no table is read.
 * @throws IMAGE_CORRUPT where the directory is, or one of its tables lies, out of bounds
 */
export async function readDirectory(
  image: ImageMetadata,
  pointer: BitmapsPointer,
  diskSize: number,
): Promise<BitmapRecord[]> {
  const { directoryOffset: offset, directorySize, bitmapCount } = pointer;
  const where = image.label;
  const problem = pointerProblem(image, pointer);
  if (problem !== undefined) {
    throw directoryFault({ where, struct: 'bitmap directory', offset, problem });
  }
  const bytes = new Uint8Array(directorySize);
  await image.readHost(bytes, offset);
  const records = decodeDirectory({ where, offset, bitmapCount, bytes });
  for (const record of records) checkTablePlace(image, record, diskSize);
  return records;
}

/** The header's parser has looked already; this is what allocates, so it looks for itself. */
function pointerProblem(
  { clusterSize, fileSize }: ImageMetadata,
  { directoryOffset, directorySize, bitmapCount }: BitmapsPointer,
): string | undefined {
  const { bitmaps, directoryBytes } = BitmapLimit;
  if (bitmapCount > bitmaps) return `has ${bitmapCount} bitmaps, more than ${bitmaps}`;
  if (directorySize > directoryBytes)
    return `has ${directorySize} bytes, more than ${directoryBytes}`;
  if (directoryOffset === 0 || directoryOffset % clusterSize !== 0) {
    return 'does not begin where a cluster does';
  }
  if (directoryOffset + directorySize <= fileSize) return undefined;
  return `has ${directorySize} bytes, and the file ends at ${fileSize}, before it does`;
}
