import { isZero } from '@tidemark/block';

const ENTRY_WORDS = 2;
const ENTRY_SIZE = 8;
/** Words that are skipped at once where all of them are zero. */
const STEP = 1024;

/** Index of the last entry that is not zero, or -1. Skips what is zero as `usedEntries` does. */
export function lastUsedEntry({ buffer, byteOffset, length }: Float64Array): number {
  const words = new Uint32Array(buffer, byteOffset, length * ENTRY_WORDS);
  for (let end = words.length; end > 0; end -= STEP) {
    const part = words.subarray(Math.max(0, end - STEP), end);
    if (areZero(part)) continue;
    const last = part.findLastIndex((word) => word !== 0);
    return Math.floor((part.byteOffset - byteOffset) / ENTRY_SIZE + last / ENTRY_WORDS);
  }
  return -1;
}

function areZero({ buffer, byteOffset, byteLength }: Uint32Array): boolean {
  return isZero(new Uint8Array(buffer, byteOffset, byteLength));
}

/**
 * Indexes of the 8-byte entries that are not zero. Tables are made for disks that are full, and are
 * nearly empty on others: what is zero is skipped at the speed of memory.
 */
export function* usedEntries(table: BigUint64Array | Float64Array): Generator<number> {
  const { buffer, byteOffset } = table;
  const words = new Uint32Array(buffer, byteOffset, table.length * ENTRY_WORDS);
  for (let start = 0; start < words.length; start += STEP) {
    const part = words.subarray(start, start + STEP);
    if (areZero(part)) continue;
    for (let at = 0; at < part.length; at += ENTRY_WORDS) {
      if (part[at] !== 0 || part[at + 1] !== 0) yield (start + at) / ENTRY_WORDS;
    }
  }
}
