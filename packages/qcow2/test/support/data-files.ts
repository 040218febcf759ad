import type { BlockDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import {
  BitmapDirectory,
  createQcow2,
  type DataMap,
  type ImageMetadata,
  openQcow2,
  type Qcow2Image,
} from '../../src/index.ts';

export interface Stored {
  readonly name: string;
  readonly content: DirtyBitmap;
}

/** A bitmap with these granules of 64 KiB set. */
export function bitmapOf(size: number, granules: readonly number[]): DirtyBitmap {
  const content = new DirtyBitmap(size, 65_536);
  for (const granule of granules) content.set(granule * 65_536, 1);
  return content;
}

/** Puts bitmaps into an image, enabled and at rest. */
export async function put(image: ImageMetadata, bitmaps: readonly Stored[]): Promise<void> {
  const directory = await BitmapDirectory.open({ image });
  const entries = bitmaps.map(({ name, content: { granularity } }) => ({
    name,
    granularity,
    enabled: true,
    inUse: false,
  }));
  const contents = new Map(bitmaps.map(({ name, content }) => [name, content]));
  await directory.replace(entries, contents);
}

export async function contentsOf(image: Qcow2Image): Promise<Stored[]> {
  const directory = await BitmapDirectory.open({ image: image.metadata });
  const stored: Stored[] = [];
  for (const { name } of directory.records) {
    stored.push({ name, content: await directory.readContent(name) });
  }
  return stored;
}

export async function rangesOf(map: DataMap): Promise<{ offset: number; length: number }[]> {
  const ranges: { offset: number; length: number }[] = [];
  for await (const range of map.zeros()) ranges.push(range);
  return ranges;
}

/** All ranges of the disk that an image's map calls zeros. */
export async function zerosOf(device: BlockDevice): Promise<{ offset: number; length: number }[]> {
  const image = await openQcow2(device, { allowDataFile: true });
  return rangesOf(image.dataMap!);
}

export async function newDataFileImage(
  device: BlockDevice,
  options: { readonly size: number; readonly name: string; readonly clusterSize?: number },
): Promise<void> {
  const { size, name, clusterSize = 2 * 1024 * 1024 } = options;
  await createQcow2(device, { size, clusterSize, dataFile: { name } });
}
