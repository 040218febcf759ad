import type { Random } from './random.ts';

/** How an image is made. */
export interface Shape {
  /** Bytes. */
  readonly clusterSize: number;
  readonly refcountBits: number;
  readonly extendedL2: boolean;
  readonly dataFile: (typeof DATA_FILES)[number];
  readonly backing: (typeof BACKINGS)[number];
  /** Bytes of the disk. */
  readonly size: number;
  /** Made by a conversion that compresses what there is. */
  readonly compressed: boolean;
  /** With an internal snapshot. */
  readonly snapshot: boolean;
  /** With bitmaps of one granularity, or of several. */
  readonly bitmaps: (typeof BITMAPS)[number];
  /** Who made it. */
  readonly maker: 'ours' | 'qemu';
}

export const CLUSTER_SIZES: readonly number[] = Array.from({ length: 13 }, (_, i) => 512 * 2 ** i);
export const WIDTHS = [1, 2, 4, 8, 16, 32, 64] as const;
export const DATA_FILES = ['none', 'plain', 'raw'] as const;
export const BACKINGS = ['none', 'raw', 'qcow2', 'chain'] as const;
export const BITMAPS = ['none', 'alike', 'mixed'] as const;
const KIB = 1024;

/** All cluster sizes and refcount widths come in turn, so that 91 images have had each pair. */
export function shapeOf(index: number, random: Random): Shape {
  const clusterSize = CLUSTER_SIZES[index % CLUSTER_SIZES.length]!;
  const refcountBits = WIDTHS[index % WIDTHS.length]!;
  const extendedL2 = clusterSize >= 16 * KIB && random.chance(2);
  const compressed = random.chance(5);
  const dataFile = !compressed && random.chance(3) ? random.of(DATA_FILES) : 'none';
  const canBack = dataFile !== 'raw' && !compressed;
  const backing = canBack && random.chance(2) ? random.of(BACKINGS) : 'none';
  const clusters = 6 + random.below(20);
  const least = Math.max(256 * KIB, clusters * clusterSize);
  const size = Math.min(least, 24 * KIB * KIB) - 512 * random.below(100);
  const isPlain = dataFile === 'none' && backing === 'none' && !compressed;
  const maker = isPlain && random.chance(3) ? 'ours' : 'qemu';
  const rest = { clusterSize, refcountBits, extendedL2, dataFile, backing, compressed };
  const snapshot = maxSnapshots(rest) > 0 && random.chance(2);
  return { ...rest, size, snapshot, bitmaps: random.of(BITMAPS), maker };
}

/**
 * As many references as the counts have room for, and the disk's own. Compressed clusters lie
 * several in one, and count several times. QEMU makes none beside a data file.
 */
export function maxSnapshots({
  refcountBits,
  compressed,
  dataFile,
}: Pick<Shape, 'refcountBits' | 'compressed' | 'dataFile'>): number {
  const isCrowded = compressed && refcountBits < 16;
  if (isCrowded || dataFile !== 'none') return 0;
  return Math.min(3, 2 ** Math.min(8, refcountBits) - 2);
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
