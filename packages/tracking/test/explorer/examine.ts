import type { BlockDevice } from '@tidemark/block';
import type { FoundBitmap } from './claims.ts';
import { GRANULE, type Remains } from './setting.ts';

/** The bitmaps that are found, and what the drive holds. */
export async function examine(remains: Remains, granules: Iterable<number>) {
  const { device, store } = await remains.open();
  const found = new Map<string, FoundBitmap>();
  for (const { name, state, enabled } of await store.list()) {
    const bits = state === 'stored' ? await store.load(name) : undefined;
    const isDirty = (granule: number) => bits?.isDirty(granule * GRANULE) ?? false;
    found.set(name, { state, enabled, isDirty });
  }
  const picture = new Map<number, number>();
  for (const granule of granules) picture.set(granule, await granuleOf(device, granule));
  return { found, picture };
}

export async function granuleOf(device: BlockDevice, granule: number): Promise<number> {
  const bytes = new Uint8Array(GRANULE);
  await device.read(bytes, granule * GRANULE);
  return stampOf(bytes);
}

/** The number that was written to a granule. */
export function stampOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}
