/** Bytes that repeat at no power of two. */
export function pattern(length: number, seed: number): Buffer {
  const period = Array.from({ length: 251 }, (_, index) => 1 + ((index * 31 + seed) % 251));
  return Buffer.alloc(length, Buffer.from(period));
}
