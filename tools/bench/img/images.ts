import { openFileDevice } from '@tidemark/block';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { randomBitmap } from '../random-bitmap.ts';

export interface BenchImage {
  /** Bytes of the disk. */
  readonly size: number;
  readonly bitmaps: number;
  /** Of all bits, at random places. */
  readonly density: number;
}

const GRANULARITY = 65_536;

/** An image without data, and bitmaps `b0`, `b1`, ... that have clusters as a used drive's have. */
export async function makeImage(path: string, image: BenchImage): Promise<void> {
  const file = await openFileDevice(path, { writable: true, create: 'exclusive', lock: false });
  await createQcow2(file, { size: image.size });
  const open = await openQcow2(file, { writable: true });
  const store = await openQcow2Store(open);
  for (let index = 0; index < image.bitmaps; index++) {
    const { size, density } = image;
    const content = randomBitmap({ size, density, granularity: GRANULARITY, seed: index + 1 });
    await store.commit([{ op: 'create', name: `b${index}`, enabled: true, content }]);
  }
  await store.close();
  await open.close();
}
