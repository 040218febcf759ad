import type { Drive } from '@tidemark/drive';
import type { TrackedDrive } from '@tidemark/tracking';
import { BlockNode } from './block-node.ts';
import type { NodeOptions, TrackingOptions } from './node-options.ts';
import type { OpenedDisk } from './opened-disk.ts';

/** A drive that was opened elsewhere and records already. */
export interface OpenedElsewhere {
  readonly tracked: TrackedDrive;
  /** Absent: it is in memory. */
  readonly drive: Drive | undefined;
}

/** How a drive that was opened elsewhere is let go of, and opened there again. */
export interface Reopening {
  /** Why no other process could go on with it as it is; undefined: one can. */
  readonly obstacle: string | undefined;
  /** Whether programs of other hosts respect the lock on its file. */
  readonly isLockedForAll: boolean;
  /** With the bitmaps that are stored by then. @throws LOCKED and the like: nothing is open */
  readonly open: () => Promise<OpenedElsewhere>;
}

/** A drive that was opened elsewhere, as a node of the graph. */
export interface AdoptedDrive extends OpenedElsewhere {
  readonly name: string;
  /** How its bitmaps are kept. */
  readonly tracking?: TrackingOptions;
  /** Absent: it cannot be handed over. */
  readonly reopening?: Reopening | undefined;
}

/** A node for a drive that was opened and records already. Closing the node closes the drive. */
export function adoptDrive(adopted: AdoptedDrive): BlockNode {
  const { name, tracked, reopening } = adopted;
  return new BlockNode({
    name,
    options: optionsOf(adopted),
    isInline: false,
    disk: diskOf(adopted),
    children: undefined,
    checkpoints: undefined,
    onNotice: () => {},
    tracked,
    reopening,
  });
}

/** Lets the drive of an adopted node record again, while its users wait. @throws as `Reopening.open` */
export async function adoptAgain(node: BlockNode, { open }: Reopening): Promise<void> {
  const opened = await open();
  node.disk = diskOf(opened);
  node.tracked = opened.tracked;
}

function optionsOf({ name, tracked, drive, tracking }: AdoptedDrive): NodeOptions {
  const common = { 'node-name': name, discard: 'unmap', ...tracking } as const;
  if (drive === undefined) return { ...common, driver: 'memory', size: tracked.device.size };
  return { ...common, driver: drive.format, file: { driver: 'file', filename: drive.path } };
}

function diskOf({ tracked, drive }: OpenedElsewhere): OpenedDisk {
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
