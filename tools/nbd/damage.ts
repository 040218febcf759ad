import type { Random } from './random.ts';

/** Messages as somebody may send them who is broken, or means harm. */
export function damage(random: Random, messages: readonly Buffer[]): Buffer {
  const list = [...messages];
  const kind = random.below(8);
  if (kind === 0) list.splice(random.below(list.length), 1);
  if (kind === 1) list.splice(random.below(list.length), 0, random.pick(list));
  if (kind === 2) list.sort(() => random.next() - 0.5);
  if (kind === 3) list.splice(random.below(list.length), 0, random.bytes(random.below(64)));
  const bytes = Buffer.concat(list);
  if (bytes.length === 0) return bytes;
  // A field that claims what is not so.
  if (kind === 4 && bytes.length >= 4) {
    const claims = [0, 1, 0x7fffffff, 0xffffffff, 0x02000001, random.below(2 ** 32)];
    bytes.writeUInt32BE(random.pick(claims), random.below(bytes.length - 3));
  }
  if (kind === 5) {
    for (let i = 0; i <= random.below(6); i++)
      bytes[random.below(bytes.length)] = random.below(256);
  }
  return kind === 6 ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}
