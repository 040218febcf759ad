import { MemoryDevice } from '@tidemark/block';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createQcow2, openQcow2 } from '../src/index.ts';
import { entriesAlike } from '../src/mapping/entries-alike.ts';

const CLUSTER = 65_536;

describe('entries that go on from the first', () => {
  it('are counted up to the first that does not', () => {
    const start = fc.constantFrom(0n, 5n, 2n ** 16n - 3n, 2n ** 16n - 1n);
    const property = fc.property(
      start,
      fc.constantFrom(0, CLUSTER),
      fc.constantFrom(0n, 1n, 2n ** 63n),
      fc.nat(5),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 25 }),
      (cluster, step, flags, first, alike, limit) => {
        const view = new DataView(new ArrayBuffer((first + alike + 30) * 8));
        for (let i = 0; i < alike + 30; i++) {
          const host = cluster * BigInt(CLUSTER) + BigInt(i * step) + flags;
          const isOther = i === alike;
          view.setBigUint64((first + i) * 8, isOther ? host ^ (1n << 40n) : host);
        }
        expect(entriesAlike(view, first, limit, step)).toBe(Math.min(alike, limit));
      },
    );
    fc.assert(property);
  });

  it('are refused all the same where they point behind the end of the file', async () => {
    const file = new MemoryDevice({ size: 0 });
    await createQcow2(file, { size: 16 * CLUSTER });
    const image = await openQcow2(file, { writable: true });
    await image.write(Buffer.alloc(CLUSTER, 7), 0);
    await image.flush();
    await image.write(Buffer.alloc(15 * CLUSTER, 7), CLUSTER);
    await image.flush();
    // The tables lie before the data.
    const bytes = Buffer.alloc(12 * CLUSTER);
    await file.read(bytes, 0);
    await image.close();
    const cut = new MemoryDevice({ size: bytes.length });
    await cut.write(bytes, 0);
    const short = await openQcow2(cut);
    const look = async () => {
      for await (const { length } of short.extents(CLUSTER, 15 * CLUSTER))
        expect(length).toBeLessThan(15 * CLUSTER);
    };
    await expect(look()).rejects.toThrow('but the file ends at');
    await short.close();
  });
});
