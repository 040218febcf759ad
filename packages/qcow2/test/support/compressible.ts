import { randomOf } from './workload.ts';

/** Content of which a given part, in hundredths, is noise, which nothing compresses. */
export function compressible(length: number, seed: number, noise: number): Uint8Array {
  const random = randomOf(seed);
  const content = new Uint8Array(length);
  for (let at = 0; at < length; at += 64) {
    const isNoise = random(100) < noise;
    const value = 1 + random(255);
    for (let i = at; i < Math.min(length, at + 64); i++) {
      content[i] = isNoise ? random(65_536) >> 8 : value;
    }
  }
  return content;
}
