import type { BlockDevice } from '@tidemark/block';
import type { DirtyBitmap } from '@tidemark/core';
import type { TrackedDrive } from '../../src/index.ts';
import type { FoundBitmap, Picture } from './claims.ts';
import { GRANULE, type Remains } from './setting.ts';

/** The bitmaps that are found, and what the drive holds. */
export async function examine(remains: Remains, granules: Iterable<number>) {
  const { device, store } = await remains.open();
  const found = new Map<string, FoundBitmap>();
  for (const { name, state, enabled } of await store.list()) {
    const bits = state === 'stored' ? await store.load(name) : undefined;
    found.set(name, { state, enabled, isDirty: lookUp(bits) });
  }
  return sightOf(found, device, granules);
}

/** The bitmaps as a process has them, and what its drive holds. */
export async function examineOpen(drive: TrackedDrive, granules: Iterable<number>) {
  const found = new Map<string, FoundBitmap>();
  for (const { name, recording, inconsistent } of await drive.list()) {
    const bits = inconsistent ? undefined : await drive.load(name);
    const state = inconsistent ? 'inconsistent' : 'stored';
    found.set(name, { state, enabled: recording, isDirty: lookUp(bits) });
  }
  return sightOf(found, drive.device, granules);
}

function lookUp(bits: DirtyBitmap | undefined) {
  return (granule: number) =>
    bits !== undefined && (granule * GRANULE >= bits.diskSize || bits.isDirty(granule * GRANULE));
}

async function sightOf(
  found: ReadonlyMap<string, FoundBitmap>,
  device: BlockDevice,
  granules: Iterable<number>,
) {
  const size = device.size / GRANULE;
  const inside = [...granules].filter((granule) => granule < size);
  return { found, size, picture: await readPicture(device, inside) };
}

/** What the granules hold; neighbours are read at once. */
async function readPicture(device: BlockDevice, granules: Iterable<number>): Promise<Picture> {
  const picture = new Map<number, number>();
  const sorted = Uint32Array.from(granules).sort();
  const buffer = new Uint8Array(sorted.length * GRANULE);
  for (let i = 0; i < sorted.length;) {
    const first = sorted[i]!;
    let count = 1;
    while (sorted[i + count] === first + count) count += 1;
    const bytes = buffer.subarray(0, count * GRANULE);
    await device.read(bytes, first * GRANULE);
    for (let at = 0; at < count; at++) {
      picture.set(first + at, stampOf(bytes.subarray(at * GRANULE)));
    }
    i += count;
  }
  return picture;
}

/** The number that was written to a granule. */
export function stampOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}
