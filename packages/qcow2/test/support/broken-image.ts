import { HeaderV3 } from '../../src/header/spec.ts';
import { newImage } from './images.ts';
import { TestDevice } from './test-device.ts';

export const CLUSTER = 4096;
/** Clusters 0 to 5: header, refcount table, refcount block, L1 table, data, L2 table. */
export const L2_TABLE = 5 * CLUSTER;
/** Byte offsets of the header's fields. */
export const at = HeaderV3.offsetOf;

let good: Promise<Uint8Array> | undefined;

/** A good image with one 4 KiB cluster of data, to be broken. Cut to what is in use. */
export function goodImage(): Promise<Uint8Array> {
  return (good ??= makeImage());
}

async function makeImage(): Promise<Uint8Array> {
  const { device, image } = await newImage({ size: 1 << 20, clusterSize: CLUSTER });
  await image.write(new Uint8Array(CLUSTER).fill(7), 0);
  await image.close();
  return device.bytes.slice(0, 16 * CLUSTER);
}

export type Break = (view: DataView, bytes: Uint8Array) => void;

export const u32 =
  (offset: number, value: number): Break =>
  (view) =>
    view.setUint32(offset, value);

export const u64 =
  (offset: number, value: bigint): Break =>
  (view) =>
    view.setBigUint64(offset, value);

export async function broken(...changes: Break[]): Promise<TestDevice> {
  const bytes = (await goodImage()).slice();
  for (const change of changes) change(new DataView(bytes.buffer), bytes);
  return new TestDevice({ bytes });
}
