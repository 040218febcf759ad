import { isTidemarkError } from '@tidemark/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmapDirectory, openQcow2, type Qcow2Image } from '../src/index.ts';
import { CLUSTER, goodImage } from './support/broken-image.ts';
import { twoBitmaps } from './support/malformed-bitmaps.ts';
import { TestDevice } from './support/test-device.ts';

const MIB = 1 << 20;

/** What anybody may do with an image that opens. */
async function useAll(image: Qcow2Image): Promise<void> {
  const { size } = image;
  const first = new Uint8Array(Math.min(size, 32 * CLUSTER));
  await image.read(first, 0);
  if (size > 0) await image.read(new Uint8Array(1), size - 1);
  let steps = 0;
  for await (const { length } of image.extents(0, size)) {
    expect(length).toBeGreaterThan(0);
    if (++steps === 100) break;
  }
  await image.write(new Uint8Array(first.length).fill(3), 0);
  await image.writeZeroes(0, Math.min(size, 8 * CLUSTER), { unmap: false });
  await image.discard(0, Math.min(size, 16 * CLUSTER));
  await image.flush();
  const directory = await BitmapDirectory.open({ image: image.metadata });
  for (const { name, inUse, unsupported } of directory.records) {
    if (!inUse && unsupported === undefined) await directory.readContent(name);
  }
  await directory.replace([], new Map());
}

/** Every refusal is one that we mean. @returns its code, or how it went */
async function outcomeOf(device: TestDevice): Promise<string> {
  try {
    const image = await openQcow2(device, { writable: true, skipBacking: true });
    try {
      await useAll(image);
      return 'used';
    } finally {
      await image.close();
    }
  } catch (error) {
    if (isTidemarkError(error)) return error.code;
    throw error;
  }
}

/** Values that are likely to mean something where they are wrong. */
const word = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 1n, 2n, 512n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
  fc.integer({ min: 0, max: 40 }).map((cluster) => BigInt(cluster * CLUSTER)),
  fc.integer({ min: 0, max: 40 }).map((cluster) => BigInt(cluster * CLUSTER) | (1n << 63n)),
  fc.integer({ min: 0, max: 40 }).map((cluster) => BigInt(cluster * CLUSTER) | (1n << 62n)),
);

describe('an image with any words of it changed', () => {
  it.each([
    ['in the header', goodImage, fc.integer({ min: 0, max: 20 }).map((i) => i * 8)],
    [
      'in its tables',
      goodImage,
      fc
        .tuple(fc.integer({ min: 1, max: 5 }), fc.nat({ max: 16 }))
        .map(([c, i]) => c * CLUSTER + i * 8),
    ],
    [
      'in its bitmaps',
      twoBitmaps,
      fc
        .tuple(fc.integer({ min: 4, max: 31 }), fc.nat({ max: 8 }))
        .map(([c, i]) => c * CLUSTER + i * 8),
    ],
  ])('is used, or refused by a code, in few steps: %s', async (_, make, place) => {
    const base = await make();
    const changes = fc.array(fc.tuple(place, word), { minLength: 1, maxLength: 3 });
    const property = fc.asyncProperty(changes, async (list) => {
      const bytes = base.slice();
      for (const [at, value] of list) new DataView(bytes.buffer).setBigUint64(at, value);
      const device = new TestDevice({ bytes });
      const outcome = await outcomeOf(device);
      expect(outcome).toMatch(/^(used|IMAGE_\w+|IO_FAILED|NO_SPACE|BITMAP_UNSUPPORTED)$/u);
      expect(device.size).toBeLessThan(64 * MIB);
      expect(device.bytesRead).toBeLessThan(64 * MIB);
      expect(device.log.length).toBeLessThan(2000);
    });
    await fc.assert(property, { numRuns: 250 });
  });

  it('is the same file after it was opened for writing, or refused', async () => {
    const base = await goodImage();
    const at = fc.integer({ min: 0, max: 13 }).map((i) => i * 8);
    const property = fc.asyncProperty(at, word, async (offset, value) => {
      const bytes = base.slice();
      new DataView(bytes.buffer).setBigUint64(offset, value);
      const device = new TestDevice({ bytes });
      await openQcow2(device, { writable: true, skipBacking: true }).catch((error: unknown) => {
        if (!isTidemarkError(error)) throw error;
      });
      expect({ offset, value, isSame: Buffer.compare(device.bytes, bytes) === 0 }).toEqual({
        offset,
        value,
        isSame: true,
      });
    });
    await fc.assert(property, { numRuns: 300 });
  });
});
