import type { BaseImage } from './base-images.ts';
import type { Random } from './random.ts';

/** Fields of the header that say how much of something there is, or where it is. */
const HEADER = { magic: 0, version: 4, end: 112 } as const;

/** Breaks a few words of an image. Most cases keep magic and version, else little else is tried. */
export function mutate(
  { bytes, words, clusterSize, directory }: BaseImage,
  random: Random,
): Uint8Array {
  const broken = random.below(20) === 0 ? cut(bytes, random) : bytes.slice();
  const view = new DataView(broken.buffer);
  const count = 1 + random.below(4);
  for (let i = 0; i < count; i++) {
    const at = placeOf(random, words, directory);
    if (at + 8 > broken.length) continue;
    const size = random.pick([1, 2, 4, 8] as const);
    const value = valueOf(random, view.getBigUint64(at), clusterSize, bytes.length);
    if (size === 1) view.setUint8(at + random.below(8), Number(BigInt.asUintN(8, value)));
    else if (size === 2)
      view.setUint16(at + 2 * random.below(4), Number(BigInt.asUintN(16, value)));
    else if (size === 4)
      view.setUint32(at + 4 * random.below(2), Number(BigInt.asUintN(32, value)));
    else view.setBigUint64(at, BigInt.asUintN(64, value));
  }
  return broken;
}

function cut(bytes: Uint8Array, random: Random): Uint8Array {
  return bytes.slice(0, 104 + random.below(bytes.length - 104));
}

function placeOf(
  random: Random,
  words: readonly number[],
  directory: BaseImage['directory'],
): number {
  const kind = random.below(100);
  if (kind < 2) return HEADER.magic;
  if (kind < 30) return 8 + 8 * random.below((HEADER.end - 8) / 8);
  if (kind < 40) return HEADER.end + 8 * random.below(40);
  if (kind < 60) return directory.offset + 8 * random.below(directory.length / 8);
  return random.pick(words);
}

/** Values that are likely to mean something where they are wrong. */
function valueOf(random: Random, old: bigint, clusterSize: number, fileSize: number): bigint {
  const cluster = BigInt(clusterSize * random.below(fileSize / clusterSize + 3));
  switch (random.below(8)) {
    case 0:
      return random.word();
    case 1:
      return random.pick([0n, 1n, 2n, 3n, 512n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, -1n]);
    case 2:
      return old ^ (1n << BigInt(random.below(64)));
    case 3:
      return cluster;
    case 4:
      return cluster | (1n << 63n);
    case 5:
      return cluster | (1n << 62n);
    case 6:
      return old + BigInt(random.below(7) - 3);
    default:
      return BigInt(random.below(65_536));
  }
}
