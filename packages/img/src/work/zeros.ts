import { isZero } from '@tidemark/block';
import type { Image } from '../open/open-image.ts';

/** What QEMU counts in. Bytes. */
const SECTOR = 512;
const BLOCK = 64 * 1024;

/** The sector in which the first byte lies that is not zero, or -1. */
export function firstNonZero(bytes: Uint8Array): number {
  for (let block = 0; block < bytes.length; block += BLOCK) {
    const end = Math.min(bytes.length, block + BLOCK);
    if (isZero(bytes, block, end)) continue;
    for (let at = block; at < end; at += SECTOR) {
      if (!isZero(bytes, at, Math.min(end, at + SECTOR))) return at;
    }
  }
  return -1;
}

/** The sector in which two buffers of one length first differ, or -1. */
export function firstDifference(one: Uint8Array, other: Uint8Array): number {
  if (Buffer.compare(one, other) === 0) return -1;
  for (let at = 0; at < one.length; at += BLOCK) {
    const end = Math.min(one.length, at + BLOCK);
    if (equal(one, other, at, end)) continue;
    for (let sector = at; sector < end; sector += SECTOR) {
      if (!equal(one, other, sector, Math.min(end, sector + SECTOR))) return sector;
    }
  }
  return -1;
}

function equal(one: Uint8Array, other: Uint8Array, from: number, to: number): boolean {
  return Buffer.compare(one.subarray(from, to), other.subarray(from, to)) === 0;
}

export interface ZeroRun {
  readonly from: number;
  readonly to: number;
  readonly isData: boolean;
}

/** Cuts where blocks of `unit` bytes of the disk change between zeros and anything else. */
export function* runsOfZeros(bytes: Uint8Array, offset: number, unit: number): Generator<ZeroRun> {
  let from = 0;
  let isData: boolean | undefined;
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + unit - ((offset + at) % unit));
    const found = !isZero(bytes, at, end);
    if (isData !== undefined && found !== isData) {
      yield { from, to: at, isData };
      from = at;
    }
    isData = found;
    at = end;
  }
  if (isData !== undefined) yield { from, to: bytes.length, isData };
}

/** Bytes: shorter runs of zeros are not looked for in what goes into an image. */
export function unitOfZeros({ qcow2 }: Image, sparse: number): number {
  const { clusterSize = 1, extendedL2 = false } = qcow2?.info ?? {};
  return Math.max(sparse, extendedL2 ? clusterSize / 32 : clusterSize);
}
