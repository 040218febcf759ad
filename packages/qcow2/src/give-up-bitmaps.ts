import { TidemarkError } from '@tidemark/core';
import { SECTOR_SIZE } from './geometry.ts';
import { Autoclear } from './header/spec.ts';
import type { ImageState } from './image-state.ts';

/**
 * Makes durable that nothing vouches for the bitmaps of an image: one write of sector 0. What bits
 * lay behind the place where its file was cut is not known, and that takes no room in it.
 * @returns why. @throws I/O codes: they may be trusted still
 */
export async function giveUpBitmaps(
  { file, owner, header, mutex }: ImageState,
  cause: unknown,
): Promise<TidemarkError> {
  const lost = new TidemarkError(
    'BITMAP_INCONSISTENT',
    'its file was cut short while it was open, and bits of its bitmaps may be gone',
    { where: file.label, rule: 'cut', hint: 'check the file, and begin with a full backup' },
    cause,
  );
  await mutex.run(async () => {
    try {
      await file.readNew(0, SECTOR_SIZE);
    } catch {
      // The header itself is gone, and with it all that names a bitmap.
      return;
    }
    const autoclear = header.autoclear & ~(Autoclear.bitmaps | Autoclear.control);
    await owner.patch({ autoclear });
  });
  return lost;
}
