import { TidemarkError } from '../errors.ts';
import { MAX_BITMAP_BYTES } from '../limits.ts';

/** Bits of a bitmap for a disk. @throws BITMAP_INVALID: no size; BITMAP_TOO_LARGE */
export function granulesOf(diskSize: number, granularity: number): number {
  if (!Number.isSafeInteger(diskSize) || diskSize < 0) {
    throw new TidemarkError('BITMAP_INVALID', `${diskSize} is not the size of a disk`, {
      hint: 'give a size from 0 to 9007199254740991 bytes',
    });
  }
  const granules = Math.ceil(diskSize / granularity);
  if (granules <= MAX_BITMAP_BYTES * 8) return granules;
  throw new TidemarkError(
    'BITMAP_TOO_LARGE',
    `a disk of ${diskSize} bytes has more granules of ${granularity} bytes than a bitmap holds`,
    { hint: 'use a larger granularity' },
  );
}

/** What happens to the part that a resize adds. */
export interface ResizeOptions {
  readonly grown: 'dirty' | 'clean';
}
