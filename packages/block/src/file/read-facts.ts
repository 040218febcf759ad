import { type BigIntStats, fstat, fstatSync } from 'node:fs';
import { promisify } from 'node:util';
import type { BlockDeviceCounters, DriveFacts } from '../drive-facts.ts';
import { attributePath, blockDeviceSize } from './block-device-facts.ts';
import { systemText } from './system-text.ts';

const statOf = promisify(
  (fd: number, callback: (error: Error | null, status: BigIntStats) => void) =>
    fstat(fd, { bigint: true }, callback),
);

/**
 * What the system says of an open file or block device. `waits`: in the tick of the call, without the
 * threads that a program may have no other use for. @throws system errors
 */
export async function readFacts(fd: number, waits = false): Promise<DriveFacts> {
  const status = waits ? fstatSync(fd, { bigint: true }) : await statOf(fd);
  if (!status.isBlockDevice()) return fileFacts(status, readBootId());
  const size = blockDeviceSize(status, `descriptor ${fd}`);
  const counters = readCounters(status);
  const device = status.rdev;
  return { kind: 'block device', size, device, ...(counters && { counters }) };
}

const unsigned = (nanoseconds: bigint) => BigInt.asUintN(64, nanoseconds);

function fileFacts(status: BigIntStats, bootId: string | undefined): DriveFacts {
  return {
    kind: 'file',
    size: Number(status.size),
    modified: unsigned(status.mtimeNs),
    changed: unsigned(status.ctimeNs),
    born: unsigned(status.birthtimeNs),
    inode: status.ino,
    device: status.dev,
    ...(bootId !== undefined && { bootId }),
  };
}

let knownBootId: string | undefined;

/** It cannot change under us, so it is read once. */
function readBootId(): string | undefined {
  const bootId =
    knownBootId ?? systemText('/proc/sys/kernel/random/boot_id')?.trim().replaceAll('-', '');
  if (bootId !== undefined && /^[0-9a-f]{32}$/.test(bootId)) knownBootId = bootId;
  return knownBootId;
}

/**
 * Counters of a disk, or of a partition, whose disk has the sequence number. Undefined where one of
 * them cannot be had, or the disk does not count (`iostats`).
 */
function readCounters({ rdev }: Pick<BigIntStats, 'rdev'>): BlockDeviceCounters | undefined {
  const own = (name: string) => systemText(attributePath({ rdev }, name))?.trim();
  const ofDisk = (name: string) => own(name) ?? own(`../${name}`);
  const counts = own('stat');
  const sequence = ofDisk('diskseq');
  const counting = ofDisk('queue/iostats');
  const bootId = readBootId();
  const writtenSectors = counts === undefined ? undefined : writtenOf(counts);
  if (writtenSectors === undefined || counting !== '1') return undefined;
  if (sequence === undefined || !/^[1-9]\d*$/.test(sequence)) return undefined;
  if (bootId === undefined) return undefined;
  return { diskSequence: BigInt(sequence), writtenSectors, bootId };
}

/** Kernel documentation, "Block layer statistics in /sys/block/<dev>/stat": fields from 0. */
const SECTORS_WRITTEN = 6;
const SECTORS_DISCARDED = 13;

function writtenOf(counts: string): bigint | undefined {
  const fields = counts.split(/\s+/);
  const written = fields[SECTORS_WRITTEN];
  const discarded = fields[SECTORS_DISCARDED];
  if (written === undefined || discarded === undefined) return undefined;
  return BigInt(written) + BigInt(discarded);
}
