import { DirtyBitmap } from '@tidemark/core';

export interface RandomBits {
  /** Bytes of the disk. */
  readonly size: number;
  readonly granularity: number;
  /** Of all bits, at random places. */
  readonly density: number;
  readonly seed: number;
}

/** Bytes of random bits that are repeated, each time from another place on. */
const PATTERN_BYTES = 2 ** 20 + 8;

export function randomBitmap({ size, granularity, density, seed }: RandomBits): DirtyBitmap {
  const content = new DirtyBitmap(size, granularity);
  const random = xorshift(seed);
  if (density < 0.01) {
    const count = Math.ceil(content.length * density);
    for (let i = 0; i < count; i++) {
      const granule = Math.floor((random() / 2 ** 32) * content.length);
      content.set(granule * granularity, 1);
    }
    return content;
  }
  const pattern = randomPattern(density, random);
  for (let at = 0; at < content.serializedLength; at += pattern.length) {
    content.deserialize(pattern.subarray(0, content.serializedLength - at), at);
  }
  return content;
}

function randomPattern(density: number, random: () => number): Uint8Array {
  const pattern = new Uint8Array(PATTERN_BYTES);
  const words = new Uint32Array(pattern.buffer);
  const threshold = density * 2 ** 32;
  for (let index = 0; index < words.length; index++) {
    if (density === 0.5) words[index] = random();
    else for (let bit = 0; bit < 32; bit++) if (random() < threshold) words[index]! |= 1 << bit;
  }
  return pattern;
}

function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}
