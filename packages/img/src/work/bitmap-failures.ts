import { ImgFailure } from '../failure.ts';

/** A bitmap that nobody may use, in qemu-img's words. */
export function inconsistentBitmap(name: string): ImgFailure {
  return new ImgFailure(`Bitmap '${name}' is inconsistent and cannot be used`, {
    code: 'BITMAP_INCONSISTENT',
    after: 'Try block-dirty-bitmap-remove to delete this bitmap from disk\n',
  });
}
