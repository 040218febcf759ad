import { openFileDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';

export interface BenchImage {
  /** Bytes of the disk. */
  readonly size: number;
  readonly bitmaps: number;
  /** Of all bits, at random places. */
  readonly density: number;
}

const GRANULARITY = 65_536;
/** Bytes of random bits that are repeated, each time from another place on. */
const PATTERN_BYTES = 2 ** 20 + 8;

/** An image without data, and bitmaps `b0`, `b1`, ... that have clusters as a used drive's have. */
export async function makeImage(path: string, image: BenchImage): Promise<void> {
  const file = await openFileDevice(path, { writable: true, create: 'exclusive', lock: false });
  await createQcow2(file, { size: image.size });
  const open = await openQcow2(file, { writable: true });
  const store = await openQcow2Store(open);
  for (let index = 0; index < image.bitmaps; index++) {
    const content = randomBits(image, index + 1);
    await store.commit([{ op: 'create', name: `b${index}`, enabled: true, content }]);
  }
  await store.close();
  await open.close();
}

function randomBits({ size, density }: BenchImage, seed: number): DirtyBitmap {
  const content = new DirtyBitmap(size, GRANULARITY);
  const random = xorshift(seed);
  if (density < 0.01) {
    const count = Math.ceil(content.length * density);
    for (let i = 0; i < count; i++) {
      const granule = Math.floor((random() / 2 ** 32) * content.length);
      content.set(granule * GRANULARITY, 1);
    }
    return content;
  }
  const pattern = new Uint8Array(PATTERN_BYTES);
  const words = new Uint32Array(pattern.buffer);
  const threshold = density * 2 ** 32;
  for (let index = 0; index < words.length; index++) {
    if (density === 0.5) words[index] = random();
    else for (let bit = 0; bit < 32; bit++) if (random() < threshold) words[index]! |= 1 << bit;
  }
  for (let at = 0; at < content.serializedLength; at += pattern.length) {
    content.deserialize(pattern.subarray(0, content.serializedLength - at), at);
  }
  return content;
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
