import { DirtyBitmap, TidemarkError } from '@tidemark/core';
import type { TidemarkDiskOptions } from './tidemark-disk-options.ts';

/** Which blocks a disk has: a bit for each. @throws BITMAP_INVALID, and what `changes` throws */
export async function blocksOf(
  { device, changes }: TidemarkDiskOptions,
  blockSize: number,
): Promise<DirtyBitmap> {
  const blocks = new DirtyBitmap(device.size, blockSize);
  if (changes === undefined) {
    // What is behind a backing chain is not zero, and so it is of the disk.
    for await (const { offset, length, zero } of device.extents(0, device.size)) {
      if (!zero) blocks.set(offset, length);
    }
    return blocks;
  }
  const bits = await changes();
  if (bits.diskSize !== device.size) {
    throw new TidemarkError(
      'BITMAP_INVALID',
      `the bitmap is of ${bits.diskSize} bytes, and ${device.label} has ${device.size}`,
      { where: device.label, hint: 'take a full disk' },
    );
  }
  // A block of zeros is as good as another: left out, it would show what the parent has there.
  blocks.merge(bits);
  return blocks;
}
