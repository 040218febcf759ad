const BLOCK = 64 * 1024;
const ZEROS = Buffer.alloc(BLOCK);

/** Whether bytes, or those from `from` up to `to`, are all zeros. None are. */
export function isZero(bytes: Uint8Array, from = 0, to: number = bytes.length): boolean {
  for (let at = from; at < to; at += BLOCK) {
    const end = Math.min(to, at + BLOCK);
    // Most data shows in its first byte, and a compare costs more than that.
    if (bytes[at] !== 0) return false;
    if (ZEROS.compare(bytes, at, end, 0, end - at) !== 0) return false;
  }
  return true;
}
