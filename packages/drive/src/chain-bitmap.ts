import { openFileDevice } from '@tidemark/block';
import type { DirtyBitmap } from '@tidemark/core';
import { openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { resolveBackingName } from './backing-chain.ts';
import type { Drive } from './open-drive.ts';
import { probeDrive } from './probe.ts';
import { unusableBitmap } from './unusable-bitmap.ts';

/**
 * A bitmap of an image behind a drive's own: of the first one that has a bitmap of that name. Where that image
 * is smaller than the drive, the rest is dirty. Nothing writes there while the drive is open, so what is read
 * stays true. @returns undefined where no image has one
 * @throws BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED, and as `openDrive`
 */
export async function readChainBitmap(
  drive: Drive,
  name: string,
): Promise<DirtyBitmap | undefined> {
  let overlay = drive.path;
  let backing = drive.image?.info.backing;
  while (backing !== undefined) {
    const path = resolveBackingName(backing.name, overlay);
    await using file = await openFileDevice(path, {});
    const format = backing.format ?? (await probeDrive(file, path));
    if (format !== 'qcow2') return undefined;
    await using image = await openQcow2(file, { skipBacking: true, skipDataFile: true });
    await using store = await openQcow2Store(image);
    const found = (await store.list()).find((bitmap) => bitmap.name === name);
    if (found !== undefined) {
      const { state } = found;
      if (state === 'inconsistent' || state === 'unsupported') {
        throw unusableBitmap(path, name, state);
      }
      const content = await store.load(name);
      const { size } = drive.device;
      if (content.diskSize < size) content.resize(size, { grown: 'dirty' });
      return content;
    }
    overlay = path;
    backing = image.info.backing;
  }
  return undefined;
}
