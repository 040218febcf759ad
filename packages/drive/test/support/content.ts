import type { BlockDevice } from '@tidemark/block';
import { expect } from 'vitest';

/** All bytes of a device. */
export async function contentOf(device: BlockDevice): Promise<Buffer> {
  const bytes = Buffer.alloc(device.size);
  await device.read(bytes, 0);
  return bytes;
}

/** Bytes of a kind each, so that a mix-up of places shows. */
export function pattern(length: number, seed: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + seed * 31 + (i >> 8)) & 0xff));
}

/** Compares without printing megabytes when it fails. */
export function expectSame(actual: Uint8Array, expected: Uint8Array): void {
  expect(actual.length).toBe(expected.length);
  expect(Buffer.compare(actual, expected)).toBe(0);
}
