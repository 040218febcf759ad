import { TidemarkError } from '../errors.ts';

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
