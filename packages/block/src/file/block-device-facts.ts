import { TidemarkError } from '@tidemark/core';
import type { FileStatus } from './file-system.ts';
import { systemText } from './system-text.ts';

// The unit of /sys/block/*/size, whatever the disk's own sectors are.
const SECTOR = 512;

/** The size of a block device in bytes. @throws DEVICE_UNSUPPORTED */
export function blockDeviceSize(status: FileStatus, where: string): number {
  const path = attributePath(status, 'size');
  const text = systemText(path) ?? '';
  const size = /^\d+\n?$/.test(text) ? Number(text) * SECTOR : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw new TidemarkError('DEVICE_UNSUPPORTED', `the size of '${where}' cannot be learned`, {
    where,
    hint: `make '${path}' readable`,
  });
}

/** Linux opens a read-only block device for writing, and fails the writes. @throws DEVICE_READ_ONLY */
export function checkBlockDeviceWritable(status: FileStatus, where: string): void {
  const text = systemText(attributePath(status, 'ro')) ?? '';
  if (text.trim() !== '1') return;
  throw new TidemarkError('DEVICE_READ_ONLY', `'${where}' is a read-only block device`, {
    where,
    hint: 'open it for reading',
  });
}

/** Where the kernel tells something of a block device. */
export function attributePath({ rdev }: Pick<FileStatus, 'rdev'>, name: string): string {
  return `/sys/dev/block/${deviceNumber(BigInt(rdev))}/${name}`;
}

/** As makedev(3) of Linux composes it: 12 and 20 bits of major, 8 and 24 bits of minor. */
export function deviceNumber(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}
