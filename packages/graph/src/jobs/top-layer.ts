import { DirtyBitmap } from '@tidemark/core';
import type { BlockNode } from '../nodes/block-node.ts';

/**
 * What is in the topmost layer of a node now, by clusters of so many bytes. What was not in it when
 * a job began and is now has been copied before it was written.
 */
export async function topOf({ device }: BlockNode, cluster: number): Promise<DirtyBitmap> {
  const top = new DirtyBitmap(device.size, cluster);
  for await (const { offset, length, depth } of device.extents(0, device.size)) {
    // A device that knows of no layers is one.
    if (depth === undefined || depth === 1) top.set(offset, length);
  }
  return top;
}
