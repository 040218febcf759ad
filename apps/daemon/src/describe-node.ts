import { realpath, stat } from 'node:fs/promises';
import type { BlockNode } from '@tidemark/graph';
import type { QmpBlockInfo } from '@tidemark/qmp';

/** What QMP tells of a node besides its bitmaps. */
export async function describeNode(node: BlockNode): Promise<QmpBlockInfo> {
  const { driver, device, disk, tracked, backing } = node;
  const { filename: file, image, isLocal, writable } = disk;
  const trouble = tracked?.trouble;
  const found = isLocal ? await stat(file).catch(() => undefined) : undefined;
  return {
    driver,
    file,
    ...(isLocal && { path: await realpath(file).catch(() => undefined) }),
    readOnly: !writable,
    virtualSize: device.size,
    backingDepth: depthOf(backing),
    ...(found && { actualSize: found.blocks * 512 }),
    ...(image && { clusterSize: image.info.clusterSize }),
    ...(image?.info.backing && { backingFile: image.info.backing.name }),
    ...(trouble && { trouble }),
  };
}

function depthOf(backing: BlockNode | undefined): number {
  let depth = 0;
  for (let at = backing; at !== undefined; at = at.backing) depth += 1;
  return depth;
}
