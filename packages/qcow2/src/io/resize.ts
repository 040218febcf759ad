import { TidemarkError } from '@tidemark/core';
import { unsupported } from '../errors.ts';
import { l1EntriesFor, roundUp, SECTOR_SIZE, TABLE_ENTRY_SIZE } from '../geometry.ts';
import { Limit } from '../header/spec.ts';
import type { ImageState } from '../image-state.ts';

/** Makes room in the L1 table for a disk of `size` bytes; the disk itself does not change yet. */
export async function growL1(state: ImageState, size: number): Promise<void> {
  const { map, geometry, allocator, file, owner } = state;
  const wanted = l1EntriesFor(size, geometry);
  if (wanted <= map.l1.length) return;
  await state.mutex.run(async () => {
    // Entries that point to new tables go to the old place first: then both tables are the same.
    await state.writeBack();
    const { l1Offset, l1Entries } = state.header;
    const bytes = new Uint8Array(wanted * TABLE_ENTRY_SIZE);
    bytes.set(map.l1.encode());
    const clusterCount = Math.ceil(bytes.length / geometry.clusterSize);
    const offset = await allocator.allocate(clusterCount);
    await file.write(bytes, offset);
    await state.writeBack();
    // The commit point: offset and length of the table lie in one sector.
    await owner.patch({ l1Offset: offset, l1Entries: wanted });
    map.l1.grow(wanted);
    const oldClusters = Math.ceil((l1Entries * TABLE_ENTRY_SIZE) / geometry.clusterSize);
    if (oldClusters > 0) state.unlink(l1Offset, oldClusters);
  });
}

/** @returns the size that the disk gets. @throws DEVICE_UNSUPPORTED, OUT_OF_RANGE */
export function checkResize(state: ImageState, size: number): number {
  const { header, geometry, file } = state;
  const where = file.label;
  const rounded = roundUp(size, SECTOR_SIZE);
  if (!Number.isSafeInteger(rounded) || size < 0) {
    throw new RangeError(`expected a size in bytes, got ${size}`);
  }
  const refuse = (problem: string, hint: string) =>
    new TidemarkError('DEVICE_UNSUPPORTED', problem, { where, hint });
  if (rounded < header.virtualSize) {
    throw refuse('a qcow2 image cannot be made smaller', "use 'qemu-img resize --shrink'");
  }
  if (header.bitmaps !== undefined && rounded !== header.virtualSize) {
    throw refuse('an image that holds bitmaps cannot be resized', 'remove the bitmaps first');
  }
  if (l1EntriesFor(rounded, geometry) * TABLE_ENTRY_SIZE > Limit.l1Bytes) {
    throw new TidemarkError('OUT_OF_RANGE', `a disk of ${rounded} bytes needs larger clusters`, {
      where,
      hint: "convert it with 'qemu-img convert' to larger clusters",
    });
  }
  if (header.version === 2 && header.snapshotCount > 0) {
    throw unsupported(where, 'a version 2 image with snapshots cannot be resized', 'upgrade it');
  }
  return rounded;
}
