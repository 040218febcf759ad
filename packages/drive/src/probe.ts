import type { BlockDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { probeFormat } from '@tidemark/qcow2';
import type { DriveFormat } from './open-drive.ts';

interface Signature {
  readonly format: string;
  readonly offset: number;
  /** Latin-1. */
  readonly bytes: string;
}

/** Image formats that are not ours, by what the files of QEMU's tools begin with. */
const FOREIGN: readonly Signature[] = [
  { format: 'VMDK', offset: 0, bytes: 'KDMV' },
  { format: 'VMDK', offset: 0, bytes: '# Disk DescriptorFile' },
  { format: 'VHDX', offset: 0, bytes: 'vhdxfile' },
  { format: 'VHD', offset: 0, bytes: 'conectix' },
  { format: 'VDI', offset: 0x40, bytes: '\x7f\x10\xda\xbe' },
  { format: 'QED', offset: 0, bytes: 'QED\0' },
  { format: 'Parallels', offset: 0, bytes: 'WithoutFreeSpace' },
  { format: 'Parallels', offset: 0, bytes: 'WithouFreSpacExt' },
];

/** What QEMU takes for an image as well. A disk may begin like this, and is served as raw all the same. */
const OTHERS: readonly Signature[] = [
  { format: 'qcow2', offset: 0, bytes: 'QFI\xfb' },
  { format: 'VMDK', offset: 0, bytes: 'COWD' },
  { format: 'LUKS', offset: 0, bytes: 'LUKS\xba\xbe' },
  { format: 'Bochs', offset: 0, bytes: 'Bochs Virtual HD Image' },
  { format: 'cloop', offset: 0, bytes: '#!/bin/sh\n#V2.0 Format\n' },
];

/** How much of a file is looked at to guess its format. */
export const PROBED_BYTES = 512;

/** What QEMU's tools or ours may take a file for that begins like this; undefined: a raw disk. */
export function formatOfStart(start: Uint8Array): string | undefined {
  return find([...OTHERS, ...FOREIGN], start)?.format;
}

function find(signatures: readonly Signature[], start: Uint8Array): Signature | undefined {
  const text = Buffer.from(start).toString('latin1');
  return signatures.find(({ offset, bytes }) => text.startsWith(bytes, offset));
}

/**
 * What a file without a stated format is. Taking an image for a raw disk would track and restore
 * its container as if that were the disk, so what is known to be none of ours is refused.
 * @throws IMAGE_UNSUPPORTED: another format; IMAGE_UNRECOGNIZED: it only has the name of a qcow2 one
 */
export async function probeDrive(file: BlockDevice, path: string): Promise<DriveFormat> {
  const format = await probeFormat(file);
  if (format === 'qcow2') return format;
  const start = new Uint8Array(Math.min(PROBED_BYTES, file.size));
  await file.read(start, 0);
  const foreign = find(FOREIGN, start);
  if (foreign !== undefined) {
    throw new TidemarkError('IMAGE_UNSUPPORTED', `'${path}' is a ${foreign.format} image`, {
      where: path,
      hint: 'convert it (qemu-img convert -O qcow2), or say that its format is raw if it is a disk',
    });
  }
  if (/\.qcow2?$/i.test(path)) {
    throw new TidemarkError(
      'IMAGE_UNRECOGNIZED',
      `'${path}' is named like a qcow2 image, but does not begin like one`,
      { where: path, hint: 'restore the image, or say that its format is raw if it is a disk' },
    );
  }
  return format;
}
