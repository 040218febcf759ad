import { TidemarkError } from '../errors.ts';
import { CHUNK_BYTES } from './chunk.ts';

/** @throws OUT_OF_RANGE: not whole bytes, or not all on the disk */
export function checkRange(offset: number, length: number, diskSize: number): void {
  const isInside =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    length <= diskSize - offset;
  if (isInside) return;
  throw new TidemarkError(
    'OUT_OF_RANGE',
    `${length} bytes at ${offset} are not all on a disk of ${diskSize} bytes`,
    { offset },
  );
}

/**
 * For bounds that are cut at the end. One that is no number would find nothing dirty: the one
 * answer that must not be wrong. @throws RangeError
 */
export function checkBounds(from: number, to: number): void {
  if (Number.isSafeInteger(from) && from >= 0 && to >= 0) return;
  throw new RangeError(`${from} to ${to} are no bounds in bytes`);
}

/** Bitmaps can be merged. @throws BITMAP_INVALID: they are of disks of other sizes */
export function checkSameDisk(diskSize: number, other: number): void {
  if (other === diskSize) return;
  throw new TidemarkError(
    'BITMAP_INVALID',
    `a bitmap of a disk of ${other} bytes does not fit one of ${diskSize}`,
    { hint: 'merge bitmaps of one drive' },
  );
}

interface Serialised {
  readonly at: number;
  readonly length: number;
  /** Bytes of all. */
  readonly size: number;
}

/** The chunks of serialised bytes. @throws RangeError: they are not whole, but for the last one */
export function wholePieces({ at, length, size }: Serialised): { first: number; end: number } {
  const end = Math.min(at + length, size);
  const isWhole = at % CHUNK_BYTES === 0 && (end % CHUNK_BYTES === 0 || end === size);
  if (isWhole && at >= 0 && at <= end) {
    return { first: at / CHUNK_BYTES, end: Math.ceil(end / CHUNK_BYTES) };
  }
  throw new RangeError(`${length} bytes at ${at} are no whole pieces of ${CHUNK_BYTES} bytes`);
}
