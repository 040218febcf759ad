import { isZero } from '@tidemark/block';

/** Bytes of a table that are looked at at once. What is not used of it costs next to nothing so. */
export const PIECE = 512;

/**
 * Calls `take` with the place of each big-endian entry of 8 bytes that is not 0, ascending. What is
 * behind the last whole one is left out.
 */
export function forUsedEntries(
  bytes: Uint8Array,
  take: (at: number, high: number, low: number) => void,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length - (bytes.length % 8);
  for (let start = 0; start < length; start += PIECE) {
    const end = Math.min(length, start + PIECE);
    if (isZero(bytes, start, end)) continue;
    for (let at = start; at < end; at += 8) {
      const high = view.getUint32(at);
      const low = view.getUint32(at + 4);
      if (high !== 0 || low !== 0) take(at, high, low);
    }
  }
}
