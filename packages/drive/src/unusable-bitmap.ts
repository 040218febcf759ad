import { TidemarkError } from '@tidemark/core';

const WHY = {
  inconsistent: ['BITMAP_INCONSISTENT', 'inconsistent'],
  unsupported: ['BITMAP_UNSUPPORTED', 'of an unknown kind'],
} as const;

/** A bitmap of `where` that cannot be read, in QEMU's words. */
export function unusableBitmap(
  where: string,
  bitmap: string,
  state: keyof typeof WHY,
): TidemarkError {
  const [code, why] = WHY[state];
  const text = `Bitmap '${bitmap}' is ${why} and cannot be used`;
  return new TidemarkError(code, text, { where, bitmap });
}
