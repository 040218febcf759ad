import { LIVE_SECTOR_BYTES, type LiveBitmaps, type LiveBits } from '../live.ts';
import type { BitmapChange } from '../bitmap-change.ts';
import type { BitmapStore } from '../store.ts';
import type { Disk } from './contract-case.ts';
import { type BitmapShape, create, makeBitmap } from './helpers.ts';

/** Bytes of disk that a sector of bits tells of, at 512 bytes to a bit. */
const SPAN: number = LIVE_SECTOR_BYTES * 8 * 512;

/** Bytes. Three sectors of bits, and a fourth with one bit in it. */
export const LIVE_DISK: number = 3 * SPAN + 512;
const SECTORS = [0, 1, 2, 3];

/** A granule in each sector of bits but the third, and the last one of all. */
export const OLD = shapeOf([0], [SPAN + 1024], [LIVE_DISK - 1]);

/** Differs from `OLD` in each sector of bits, and in all full ones in both halves. */
export const NEW = shapeOf([512, 4096], [SPAN - 512, 1024], [2 * SPAN - 1], [2 * SPAN, SPAN]);

function shapeOf(...ranges: readonly (readonly [number, number?])[]): BitmapShape {
  const dirty = ranges.map(([offset, length = 1]) => [offset, length] as const);
  return { diskSize: LIVE_DISK, granularity: 512, dirty };
}

export const LIVE = { live: true } as const;

export function release(name: string): BitmapChange {
  return { op: 'release', name };
}

export function createLive(name: string): BitmapChange {
  return { op: 'create', name, enabled: true, content: makeBitmap(OLD), acquire: 'live' };
}

/** A store in which these bitmaps, and no others, are live. */
export async function withLive(disk: Disk, ...names: readonly string[]): Promise<BitmapStore> {
  const bitmaps = await disk.open();
  await bitmaps.commit(names.map((name) => create(name, OLD)));
  await bitmaps.acquire(names, LIVE);
  return bitmaps;
}

export function liveOf({ live }: BitmapStore): LiveBitmaps {
  if (live === undefined) throw new Error('the store has no live bitmaps');
  return live;
}

/** Whether the store takes bits of a bitmap. */
export function isLive(store: BitmapStore, name: string): boolean {
  try {
    liveOf(store).bits(name);
    return true;
  } catch {
    return false;
  }
}

/** Writes sectors of the shape's bits, each as a call of its own. Default: all of them. */
export async function writeBits(
  bits: LiveBits,
  shape: BitmapShape,
  sectors: readonly number[] = SECTORS,
): Promise<void> {
  await Promise.all(
    sectors.map((sector) => bits.write(sectorOf(shape, sector), sector * LIVE_SECTOR_BYTES)),
  );
}

function sectorOf(shape: BitmapShape, sector: number): Uint8Array {
  const bytes = new Uint8Array(LIVE_SECTOR_BYTES);
  makeBitmap(shape).serialize(bytes, sector * LIVE_SECTOR_BYTES);
  return bytes;
}

/** Which of the shapes each sector of a stored bitmap's bits is like, by its place in the list. */
export async function sectorsOf(
  store: BitmapStore,
  name: string,
  shapes: readonly BitmapShape[] = [OLD, NEW],
): Promise<readonly number[]> {
  const found = await store.load(name);
  return SECTORS.map((sector) => {
    const bytes = new Uint8Array(LIVE_SECTOR_BYTES);
    found.serialize(bytes, sector * LIVE_SECTOR_BYTES);
    return shapes.findIndex((shape) => isSame(sectorOf(shape, sector), bytes));
  });
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.every((byte, index) => byte === right[index]);
}
