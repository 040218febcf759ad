import { readFile } from 'node:fs/promises';
import { TidemarkError } from '@tidemark/core';
import type { FileStatus } from './file-system.ts';

// The unit of /sys/block/*/size, whatever the disk's own sectors are.
const SECTOR = 512;

/** The size of an open block device in bytes. @throws DEVICE_UNSUPPORTED */
export async function blockDeviceSize({ rdev }: FileStatus, where: string): Promise<number> {
  const path = `/sys/dev/block/${deviceNumber(BigInt(rdev))}/size`;
  const text = await readFile(path, 'utf8').catch(() => '');
  const sectors = Number(text.trim() === '' ? NaN : text);
  if (Number.isSafeInteger(sectors * SECTOR) && sectors >= 0) return sectors * SECTOR;
  throw new TidemarkError('DEVICE_UNSUPPORTED', `the size of '${where}' cannot be learned`, {
    where,
    hint: `make '${path}' readable`,
  });
}

/** As makedev(3) of Linux composes it: 12 and 20 bits of major, 8 and 24 bits of minor. */
export function deviceNumber(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}
