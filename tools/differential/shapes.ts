import type { Random } from './random.ts';

/** How an image is made. */
export interface Shape {
  /** Bytes. */
  readonly clusterSize: number;
  readonly refcountBits: number;
  readonly extendedL2: boolean;
  readonly dataFile: 'none' | 'plain' | 'raw';
  readonly backing: 'none' | 'raw' | 'qcow2' | 'chain';
  /** Bytes of the disk. */
  readonly size: number;
  /** Made by a conversion that compresses what there is. */
  readonly compressed: boolean;
  /** Who made it. */
  readonly maker: 'ours' | 'qemu';
}

const CLUSTER_SIZES = Array.from({ length: 13 }, (_, index) => 512 * 2 ** index);
const WIDTHS = [1, 2, 4, 8, 16, 32, 64] as const;
const KIB = 1024;

/** All cluster sizes and refcount widths come in turn, so that 91 images have had each pair. */
export function shapeOf(index: number, random: Random): Shape {
  const clusterSize = CLUSTER_SIZES[index % CLUSTER_SIZES.length]!;
  const refcountBits = WIDTHS[index % WIDTHS.length]!;
  const extendedL2 = clusterSize >= 16 * KIB && random.chance(3);
  const dataFile = random.chance(5) ? random.of(['plain', 'raw'] as const) : 'none';
  const canBack = dataFile !== 'raw';
  const backing =
    canBack && random.chance(3) ? random.of(['raw', 'qcow2', 'chain'] as const) : 'none';
  const clusters = 6 + random.below(20);
  const least = Math.max(256 * KIB, clusters * clusterSize);
  const size = Math.min(least, 24 * KIB * KIB) - 512 * random.below(100);
  const compressed = dataFile === 'none' && backing === 'none' && random.chance(5);
  const isPlain = dataFile === 'none' && backing === 'none' && !compressed;
  const maker = isPlain && random.chance(3) ? 'ours' : 'qemu';
  return { clusterSize, refcountBits, extendedL2, dataFile, backing, size, compressed, maker };
}

/** As behind `-o` of qemu-img. */
export function optionsOf(shape: Shape, dataFile: string): string {
  return [
    `cluster_size=${shape.clusterSize}`,
    `refcount_bits=${shape.refcountBits}`,
    ...(shape.extendedL2 ? ['extended_l2=on'] : []),
    ...(shape.dataFile === 'none' ? [] : [`data_file=${dataFile}`]),
    ...(shape.dataFile === 'raw' ? ['data_file_raw=on'] : []),
  ].join(',');
}
