import { type BlockExtent, MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dirtyExtents, type DirtyZeroExtent, zeroExtents } from '@tidemark/imageio';

const GRANULE = 512;
const kinds = fc.array(fc.record({ zero: fc.boolean(), dirty: fc.boolean() }), { maxLength: 60 });

/** A disk whose granules are of these kinds; it tells of each by itself. */
function diskOf(granules: readonly { readonly zero: boolean }[], tail: number) {
  const size = Math.max(0, granules.length * GRANULE - tail);
  const device = new MemoryDevice({ size });
  async function* extents(): AsyncGenerator<BlockExtent> {
    for (const [index, { zero }] of granules.entries()) {
      const offset = index * GRANULE;
      yield { offset, length: Math.min(GRANULE, size - offset), zero, allocated: !zero };
    }
  }
  return { label: 'disk', size, read: device.read.bind(device), extents };
}

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** No gap, no overlap, nothing behind the end, and no two neighbours alike. */
function expectWhole(
  extents: readonly { readonly start: number; readonly length: number }[],
  size: number,
  kindOf: (index: number) => string,
): void {
  let at = 0;
  for (const [index, { start, length }] of extents.entries()) {
    expect(start).toBe(at);
    expect(length).toBeGreaterThan(0);
    expect(kindOf(index)).not.toBe(index === 0 ? undefined : kindOf(index - 1));
    at += length;
  }
  expect(at).toBe(size);
}

function kindAt(extents: readonly DirtyZeroExtent[], offset: number): object {
  const { dirty, zero } = extents.find(({ start, length }) => offset < start + length)!;
  return { dirty, zero };
}

describe('extents', () => {
  it('tell of each byte what disk and bitmap say, whatever they are', async () => {
    await fc.assert(
      fc.asyncProperty(kinds, fc.nat(GRANULE - 1), async (granules, tail) => {
        const device = diskOf(granules, tail);
        const bitmap = new DirtyBitmap(device.size, GRANULE);
        granules.forEach(({ dirty }, index) => {
          if (dirty && index * GRANULE < device.size) bitmap.set(index * GRANULE, 1);
        });
        const both = await all(dirtyExtents(device, bitmap));
        expectWhole(both, device.size, (i) => `${both[i]!.dirty} ${both[i]!.zero}`);
        const zeros = await all(zeroExtents(device));
        expectWhole(zeros, device.size, (i) => `${zeros[i]!.zero}`);
        for (const [index, { zero, dirty }] of granules.entries()) {
          if (index * GRANULE >= device.size) continue;
          expect(kindAt(both, index * GRANULE)).toEqual({ zero, dirty });
        }
        expect(zeros.every(({ hole }) => !hole)).toBe(true);
      }),
    );
  });
});
