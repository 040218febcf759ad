import type { BlockDevice, BlockExtent } from '@tidemark/block';
import { expect } from 'vitest';

/** Bytes that differ from place to place and are never zero. */
export function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => 1 + ((index * 7 + seed * 31) % 255));
}

export async function readBytes(
  device: BlockDevice,
  offset = 0,
  length = device.size - offset,
): Promise<Uint8Array> {
  // Not zeros, so that a read that fills nothing is seen.
  const target = new Uint8Array(length).fill(0xee);
  await device.read(target, offset);
  return target;
}

export async function extentsOf(
  device: BlockDevice,
  offset = 0,
  length = device.size - offset,
): Promise<BlockExtent[]> {
  const all: BlockExtent[] = [];
  for await (const extent of device.extents(offset, length)) all.push(extent);
  return all;
}

/** As `toEqual`, but fast, and brief about what differs. */
export function expectSame(actual: Uint8Array, expected: Uint8Array): void {
  const isSame = Buffer.compare(actual, expected) === 0;
  const at = isSame ? undefined : expected.findIndex((byte, index) => byte !== actual[index]);
  expect({ length: actual.length, differsAt: at }).toEqual({ length: expected.length });
}
