import type { Drive } from '@tidemark/drive';
import type { TrackedDrive } from '@tidemark/tracking';
import { BlockNode } from './block-node.ts';
import type { NodeOptions } from './node-options.ts';
import type { OpenedDisk } from './opened-disk.ts';

/** A node for a drive that was opened and records already. Closing the node closes the drive. */
export function adoptDrive(
  name: string,
  tracked: TrackedDrive,
  drive: Drive | undefined,
): BlockNode {
  return new BlockNode({
    name,
    options: optionsOf(name, tracked, drive),
    isInline: false,
    disk: diskOf(tracked, drive),
    children: undefined,
    checkpoints: undefined,
    onNotice: () => {},
    tracked,
  });
}

function optionsOf(name: string, { device }: TrackedDrive, drive: Drive | undefined): NodeOptions {
  const common = { 'node-name': name, discard: 'unmap' } as const;
  if (drive === undefined) return { ...common, driver: 'memory', size: device.size };
  return { ...common, driver: drive.format, file: { driver: 'file', filename: drive.path } };
}

function diskOf(tracked: TrackedDrive, drive: Drive | undefined): OpenedDisk {
  const { writable } = tracked;
  if (drive === undefined) {
    const { device } = tracked;
    const filename = device.label;
    return { device, filename, file: device, isLocal: false, smallestBlock: 1, writable };
  }
  const { device, file, path: filename, isRemote, image, smallestBlock } = drive;
  const common = { device, file, filename, isLocal: !isRemote, smallestBlock, writable };
  return { ...common, ...(image && { image }) };
}
