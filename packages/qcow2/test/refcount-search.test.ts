import { MemoryDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { findRefcount, readRefcount, writeRefcount } from '../src/refcounts/refcount-width.ts';
import { usedEntries } from '../src/util/used-entries.ts';
import { createQcow2, openQcow2 } from '../src/index.ts';
import { checkImage } from './support/check-image.ts';
import { randomOf } from './support/workload.ts';

const KIB = 1024;

describe('the search in a refcount block', () => {
  it.each([1, 2, 4, 8, 16, 32, 64])('finds what a look at each entry finds: %i bits', (bits) => {
    const random = randomOf(bits);
    const block = new Uint8Array(512);
    const entries = (block.length * 8) / bits;
    const view = new DataView(block.buffer);
    for (let round = 0; round < 200; round++) {
      const from = random(entries);
      const to = from + random(entries - from) + 1;
      writeRefcount(view, from + random(to - from), bits, random(2));
      for (const free of [true, false]) {
        let expected = from;
        while (expected < to && (readRefcount(view, expected, bits) === 0) !== free) expected++;
        expect(findRefcount(block, { from, to }, bits, { free })).toBe(expected);
      }
    }
  });
});

describe('the entries of a table that are used', () => {
  it('are all of those that are not zero, by either half', () => {
    const table = new BigUint64Array(3000);
    const used = [0, 1, 511, 512, 1023, 1500, 2047, 2048, 2999];
    for (const index of used) table[index] = index % 2 === 0 ? 1n : 1n << 63n;
    expect([...usedEntries(table)]).toEqual(used);
    expect([...usedEntries(table.subarray(512, 1024))]).toEqual([0, 511]);
  });
});

describe('clusters of bitmaps in a large image that is full', () => {
  // A refcount block of 512 bytes counts 64 clusters: 1 MiB of them counts 64 MiB.
  const size = 80 * 1024 * KIB;

  async function fullImage() {
    const memory = new MemoryDevice({ size: 0 });
    await createQcow2(memory, { size, clusterSize: 512, refcountBits: 64 });
    const image = await openQcow2(memory, { writable: true });
    const megabyte = new Uint8Array(1024 * KIB).fill(1);
    for (let at = 0; at < size; at += megabyte.length) await image.write(megabyte, at);
    await image.flush();
    return { memory, image };
  }

  it('are looked for near its end, and in the holes before it where there is no room', async () => {
    const { memory, image } = await fullImage();
    // A hole at its beginning.
    await image.discard(0, 1024 * KIB);
    await image.flush();
    // Counts that dropped with the first flush are on disk with the second one.
    await image.flush();
    const end = memory.size;
    const reopened = await openQcow2(memory, { writable: true });
    const late = await reopened.metadata.allocate(1);
    expect(late).toBeGreaterThan(end / 2);
    // What is given back is taken again.
    await reopened.metadata.settle();
    await reopened.metadata.free(late, 1);
    expect(await reopened.metadata.allocate(1)).toBe(late);
    await reopened.metadata.settle();

    const resize = memory.resize.bind(memory);
    memory.resize = async (to) => (to > memory.size ? Promise.reject(full()) : resize(to));
    const places: number[] = [];
    for (let count = 0; count < 2000; count++) places.push(await reopened.metadata.allocate(1));
    expect(Math.min(...places)).toBeLessThan(2 * 1024 * KIB);
    await reopened.metadata.settle();
    const bytes = new Uint8Array(memory.size);
    await memory.read(bytes, 0);
    expect(checkImage(bytes).corruptions).toEqual([]);
  });
});

function full(): Error {
  return new TidemarkError('NO_SPACE', 'no room');
}
