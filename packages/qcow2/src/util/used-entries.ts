const ENTRY_WORDS = 2;
/** Words that are skipped at once where all of them are zero. */
const STEP = 1024;
const ZEROS = new Uint8Array(STEP * 4);

/**
 * Indexes of the 8-byte entries that are not zero. Tables are made for disks that are full, and are
 * nearly empty on others: what is zero is skipped at the speed of memory.
 */
export function* usedEntries(table: BigUint64Array | Float64Array): Generator<number> {
  const { buffer, byteOffset } = table;
  const words = new Uint32Array(buffer, byteOffset, table.length * ENTRY_WORDS);
  for (let start = 0; start < words.length; start += STEP) {
    const part = words.subarray(start, start + STEP);
    const bytes = new Uint8Array(buffer, part.byteOffset, part.byteLength);
    if (Buffer.compare(bytes, ZEROS.subarray(0, bytes.length)) === 0) continue;
    for (let at = 0; at < part.length; at += ENTRY_WORDS) {
      if (part[at] !== 0 || part[at + 1] !== 0) yield (start + at) / ENTRY_WORDS;
    }
  }
}
