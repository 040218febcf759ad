import { BitmapDirectory } from '@tidemark/qcow2';
import type { ImgFormat } from '../open/formats.ts';
import type { Image } from '../open/open-image.ts';
import { wholeSectors } from '../open/raw-disk.ts';
import type { CreateOptions } from '../text/create-options.ts';
import { layersOf } from './layers.ts';
import { planQcow2 } from './plan-qcow2.ts';
import { fullQcow2Size, type Geometry } from './qcow2-size.ts';

export interface Measured {
  /** Bytes that the image needs now, and once all of the disk is written. */
  readonly required: number;
  readonly full: number;
  /** Bytes that bitmaps take at most. Absent: source or target can have none. */
  readonly bitmaps?: number;
}

/** What a new image of some format would take. @throws USAGE */
export async function measureImage(
  format: ImgFormat,
  options: CreateOptions,
  source: Image | { readonly size: bigint },
): Promise<Measured> {
  const image = 'disk' in source ? source : undefined;
  const wanted = 'disk' in source ? BigInt(source.disk.size) : source.size;
  if (format === 'raw') {
    const size = wholeSectors(Number(wanted));
    return { required: size, full: size };
  }
  const plan = planQcow2(options, wanted, 'measure');
  const size = plan.size;
  const { clusterSize, refcountBits } = plan;
  const geometry = { clusterSize, refcountBits, extendedL2: options.isOn('extended_l2') };
  const full = fullQcow2Size(size, geometry);
  const data = await dataBytes(image, size, options, geometry);
  const bitmaps = plan.version === 3 ? await bitmapBytes(image, clusterSize) : undefined;
  // The disk counts in whole clusters there, and so does its data.
  const allocated = full - Math.ceil(size / clusterSize) * clusterSize + data;
  return { required: allocated, full, ...(bitmaps !== undefined && { bitmaps }) };
}

/** Clusters of the target that the source has something for. */
async function dataBytes(
  image: Image | undefined,
  size: number,
  options: CreateOptions,
  { clusterSize }: Geometry,
): Promise<number> {
  const mode = options.get('preallocation') ?? 'off';
  const all = Math.ceil(size / clusterSize) * clusterSize;
  if (mode === 'full' || mode === 'falloc') return all;
  if (image === undefined) return 0;
  // With a backing file any cluster may have to be written.
  if (options.has('backing_file')) return all;
  let required = 0;
  let last = -1;
  for await (const { offset, length, zero, data } of layersOf(image)) {
    if (!data || zero) continue;
    const first = Math.max(last + 1, Math.floor(offset / clusterSize));
    last = Math.max(last, Math.ceil((offset + length) / clusterSize) - 1);
    required += Math.max(0, last + 1 - first) * clusterSize;
  }
  return required;
}

/** Of an image that can hold some: all their clusters, and the directory. */
async function bitmapBytes(
  image: Image | undefined,
  clusterSize: number,
): Promise<number | undefined> {
  const { qcow2, disk } = image ?? {};
  if (qcow2 === undefined || disk === undefined || qcow2.info.version < 3) return undefined;
  const { records } = await BitmapDirectory.open({ image: qcow2.metadata });
  let bytes = 0;
  let directory = 0;
  const up = (value: number) => Math.ceil(value / clusterSize) * clusterSize;
  for (const { granularity, bytes: entry } of records) {
    const clusters = Math.ceil(Math.ceil(Math.ceil(disk.size / granularity) / 8) / clusterSize);
    bytes += clusters * clusterSize + up(clusters * 8);
    directory += entry.length;
  }
  return bytes + up(directory);
}
