import { createHash } from 'node:crypto';
import type { ChunkedBits } from './chunks.ts';

const STEP = 1024 * 1024;

/** SHA-256 of `size` bytes of bits, in lower-case hex; in pieces, never the whole in memory. */
export function sha256OfBits(bits: ChunkedBits, size: number): string {
  const hash = createHash('sha256');
  const piece = new Uint8Array(Math.min(size, STEP));
  for (let at = 0; at < size; at += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, size - at));
    bits.readBytes(part, at);
    hash.update(part);
  }
  return hash.digest('hex');
}
