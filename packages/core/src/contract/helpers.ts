import { DirtyBitmap } from '../dirty-bitmap.ts';
import { isTidemarkError } from '../errors.ts';
import type { BitmapChange } from '../bitmap-change.ts';
import type { BitmapState } from '../bitmap-info.ts';
import type { BitmapStore } from '../store.ts';

/** Bytes. Its last granule is a short one. */
export const DISK_SIZE: number = 1024 * 1024 + 512;
export const GRANULE = 65_536;

type Range = readonly [offset: number, length: number];

export interface BitmapShape {
  readonly diskSize?: number;
  readonly granularity?: number;
  readonly dirty?: readonly Range[];
}

export function makeBitmap(shape: BitmapShape = {}): DirtyBitmap {
  const { diskSize = DISK_SIZE, granularity = GRANULE, dirty = [] } = shape;
  const bitmap = new DirtyBitmap(diskSize, granularity);
  for (const [offset, length] of dirty) bitmap.set(offset, length);
  return bitmap;
}

/** A bitmap as plain values. Its own fields are private, so that a runner's `toEqual` sees none. */
export function pictureOf(bitmap: DirtyBitmap | undefined): unknown {
  if (bitmap === undefined) return 'nothing';
  const { diskSize, granularity, count } = bitmap;
  const dirty = Array.from(bitmap.dirtyExtents(), ({ offset, length }) => [offset, length]);
  return { diskSize, granularity, count, dirty, sha256: bitmap.sha256() };
}

/** The picture of what a store holds under a name. */
export async function load(store: BitmapStore, name: string): Promise<unknown> {
  return pictureOf(await store.load(name));
}

export function create(
  name: string,
  shape: BitmapShape = {},
): Extract<BitmapChange, { op: 'create' }> {
  return { op: 'create', name, enabled: true, content: makeBitmap(shape) };
}

export function store(name: string, shape: BitmapShape = {}): BitmapChange {
  return { op: 'store', name, content: makeBitmap(shape) };
}

export function remove(name: string): BitmapChange {
  return { op: 'remove', name };
}

export async function namesIn(bitmaps: BitmapStore): Promise<readonly string[]> {
  return (await bitmaps.list()).map(({ name }) => name);
}

export async function statesIn(bitmaps: BitmapStore): Promise<Record<string, BitmapState>> {
  return Object.fromEntries((await bitmaps.list()).map(({ name, state }) => [name, state]));
}

/** The code a call is refused with, or what else came of it. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'not refused';
  } catch (error) {
    return isTidemarkError(error) ? error.code : `no code: ${String(error)}`;
  }
}
