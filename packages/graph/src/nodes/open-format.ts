import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import { openImage } from '@tidemark/drive';
import { SliceDevice } from '../device/slice-device.ts';
import { UnownedDevice } from '../device/unowned-device.ts';
import { openFailed, refusal } from '../errors.ts';
import type { BlockNode } from './block-node.ts';
import type { Qcow2Options, RawOptions } from './node-options.ts';
import type { OpenedDisk } from './opened-disk.ts';

const SECTOR = 512;

/** The nodes under a format. */
export interface FormatChildren {
  readonly file: BlockNode;
  /** Null: none. Undefined: what the image names, opened by itself. */
  readonly backing?: BlockNode | null | undefined;
  readonly dataFile?: BlockNode | undefined;
}

export interface OpenFormatOptions {
  readonly writable: boolean;
  readonly onNotice: (message: string) => void;
}

/** Its file stays whose it was. @throws USAGE, IMAGE_UNRECOGNIZED, IMAGE_CORRUPT and the like */
export async function openFormat(
  options: RawOptions | Qcow2Options,
  children: FormatChildren,
  how: OpenFormatOptions,
): Promise<OpenedDisk> {
  const { file } = children;
  if (how.writable && !file.disk.writable) throw refusal('Block node is read-only');
  if (options.driver === 'raw') return openRaw(options, file, how.writable);
  return openQcow2Node(children, how);
}

function openRaw(
  { offset = 0, size }: RawOptions,
  { disk }: BlockNode,
  writable: boolean,
): OpenedDisk {
  const { filename, smallestBlock } = disk;
  const file = new UnownedDevice(disk.device);
  const common = { filename, file, smallestBlock, writable };
  if (offset === 0 && size === undefined) return { ...common, device: file, isLocal: disk.isLocal };
  const { size: whole } = disk.device;
  const containing = `actual size of the containing file (${whole})`;
  if (offset > whole) {
    const text = `cannot be greater than size of the containing file (${whole})`;
    throw refusal(`Offset (${offset}) ${text}`);
  }
  if (size !== undefined && size % SECTOR !== 0) {
    throw refusal(`Specified size is not multiple of ${SECTOR}`);
  }
  if (size !== undefined && size > whole - offset) {
    const sum = `The sum of offset (${offset}) and size (${size})`;
    throw refusal(`${sum} has to be smaller or equal to the  ${containing}`);
  }
  const length = size ?? Math.floor((whole - offset) / SECTOR) * SECTOR;
  // Bitmaps of the whole file are no bitmaps of this disk.
  return { ...common, device: new SliceDevice(file, { offset, size: length }), isLocal: false };
}

async function openQcow2Node(
  { file: { disk }, backing, dataFile }: FormatChildren,
  { writable, onNotice }: OpenFormatOptions,
): Promise<OpenedDisk> {
  const { filename, isLocal } = disk;
  const file = new UnownedDevice(disk.device);
  try {
    const image = await openImage(file, {
      path: filename,
      writable,
      onNotice,
      ...(backing !== undefined && { backing: behind(backing) }),
      ...(dataFile && { dataFile: new UnownedDevice(dataFile.disk.device) }),
    });
    return { device: image, filename, file, isLocal, image, smallestBlock: 1, writable };
  } catch (error) {
    throw openFailed(error, { filename, writing: writable });
  }
}

/** Through the node: jobs on it have to know what is read of it. */
function behind(backing: BlockNode | null): BlockDevice {
  return backing?.device ?? new MemoryDevice({ size: 0, label: 'no backing file' });
}
