import { DirtyBitmap } from '@tidemark/core';
import { BitmapDirectory, createQcow2, type CreateQcow2Options, openQcow2 } from '@tidemark/qcow2';
import { FuzzDevice } from './fuzz-device.ts';

const DISK = 2 ** 20;

const KINDS: readonly CreateQcow2Options[] = [
  { size: DISK, clusterSize: 512 },
  { size: DISK, clusterSize: 512, refcountBits: 1 },
  { size: DISK, clusterSize: 4096 },
  { size: DISK, clusterSize: 4096, refcountBits: 64 },
  { size: DISK, clusterSize: 4096, refcountBits: 8, backing: { name: 'base.raw', format: 'raw' } },
  { size: DISK, clusterSize: 16_384, extendedL2: true },
];

/** An image to break, and which of its bytes are metadata. */
export interface BaseImage {
  readonly bytes: Uint8Array;
  readonly clusterSize: number;
  /** Offsets of 8-byte words that are not zero, each of a metadata structure. */
  readonly words: readonly number[];
  /** Where the bitmaps' directory lies. */
  readonly directory: { readonly offset: number; readonly length: number };
}

/** Sound images of several kinds, each with data and three bitmaps. */
export async function baseImages(): Promise<readonly BaseImage[]> {
  return Promise.all(KINDS.map(baseImage));
}

async function baseImage(options: CreateQcow2Options): Promise<BaseImage> {
  const { clusterSize = 65_536 } = options;
  const device = new FuzzDevice(new Uint8Array(0));
  await createQcow2(device, options);
  const image = await openQcow2(device, { writable: true, skipBacking: true });
  // Zeros: then every word that is not zero is metadata.
  await image.write(new Uint8Array(8 * clusterSize), 0);
  await image.write(new Uint8Array(clusterSize), DISK - clusterSize);
  const directory = await BitmapDirectory.open({ image: image.metadata });
  for (const [name, granularity] of [
    ['a', 512],
    ['second', 4096],
    ['c', 65_536],
  ] as const) {
    const content = new DirtyBitmap(DISK, granularity);
    content.set(granularity, 1);
    const entry = { name, granularity, enabled: true, inUse: name === 'c' };
    await directory.replace([...directory.records, entry], new Map([[name, content]]));
  }
  await image.close();
  return describe(device.bytes, clusterSize);
}

function describe(bytes: Uint8Array, clusterSize: number): BaseImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words: number[] = [];
  for (let at = 8; at + 8 <= bytes.length; at += 8) {
    if (view.getBigUint64(at) !== 0n) words.push(at);
  }
  // The bitmaps extension lies first behind the header: head, count, reserved, size, offset.
  const length = Number(view.getBigUint64(112 + 16));
  const offset = Number(view.getBigUint64(112 + 24));
  return { bytes, clusterSize, words, directory: { offset, length } };
}
