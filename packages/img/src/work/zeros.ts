/** What QEMU counts in. Bytes. */
const SECTOR = 512;
const BLOCK = 64 * 1024;
const ZEROS = Buffer.alloc(BLOCK);

/** Whether a range holds nothing but zeros. */
export function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += BLOCK) {
    const end = Math.min(to, at + BLOCK);
    // Most data shows in its first byte, and a compare costs more than that.
    if (bytes[at] !== 0) return false;
    if (ZEROS.compare(bytes, at, end, 0, end - at) !== 0) return false;
  }
  return true;
}

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
