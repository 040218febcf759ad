import { setImmediate } from 'node:timers/promises';
import type { BlockDevice, BlockExtent } from '@tidemark/block';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocatedCells } from '../../src/http/allocated-cells.ts';
import { dirtyCells } from '../../src/http/dirty-cells.ts';
import { cellsOf, rangesOf, shareOf } from '../../src/http/map-cells.ts';
import { Slices } from '../../src/http/slices.ts';

const TIB = 2 ** 40;

/** A disk whose extents are these, as often as they are asked for. */
function deviceOf(size: number, extents: () => AsyncIterable<BlockExtent>): BlockDevice {
  const device = new MemoryDevice({ size });
  return Object.assign(device, { extents });
}

describe('cells', () => {
  it('cover the range, in sectors, with as many as asked for at most', () => {
    const number = fc.integer({ min: 0, max: 2 ** 50 });
    fc.assert(
      fc.property(number, number, fc.integer({ min: 1, max: 4096 }), (offset, length, most) => {
        const cells = cellsOf(offset, length, most);
        const ranges = [...rangesOf(cells)];
        expect(ranges.length).toBeLessThanOrEqual(most);
        expect(cells.cellBytes % 512).toBe(0);
        expect(cells.count).toBe(ranges.length);
        let at = offset;
        for (const each of ranges) {
          expect(each.offset).toBe(at);
          expect(each.length).toBeGreaterThan(0);
          at += each.length;
        }
        expect(at).toBe(offset + length);
      }),
    );
  });

  it('are clean or all dirty only where they are', () => {
    expect([0, 1, 500, 999, 1000].map((part) => shareOf(part, 1000))).toEqual([
      0, 1, 128, 254, 255,
    ]);
    expect(shareOf(1, TIB)).toBe(1);
    expect(shareOf(TIB - 1, TIB)).toBe(254);
  });
});

describe('a map', () => {
  it('shows what is dirty, granule by granule and as a whole', async () => {
    const bitmap = new DirtyBitmap(16 * TIB, 65_536);
    bitmap.set(TIB, 1);
    bitmap.set(3 * TIB, TIB);
    const whole = await dirtyCells(bitmap, cellsOf(0, 16 * TIB, 16), new Slices());
    expect([...whole]).toEqual([0, 1, 0, 255, ...Array.from({ length: 12 }, () => 0)]);
    const near = await dirtyCells(bitmap, cellsOf(TIB - 65_536, 4 * 65_536, 8), new Slices());
    expect([...near]).toEqual([0, 0, 255, 255, 0, 0, 0, 0]);
  });

  it('calls nothing dirty that a smaller bitmap does not know', async () => {
    const bitmap = new DirtyBitmap(2 ** 20, 65_536);
    bitmap.setAll();
    expect([...(await dirtyCells(bitmap, cellsOf(0, 2 ** 22, 4), new Slices()))]).toEqual([
      255, 0, 0, 0,
    ]);
  });

  it('shows what is allocated, whatever the extents', async () => {
    const lengths = fc.array(fc.tuple(fc.integer({ min: 1, max: 5000 }), fc.boolean()), {
      minLength: 1,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(
        lengths,
        fc.nat(1000),
        fc.integer({ min: 1, max: 20 }),
        async (some, skip, most) => {
          const extents: BlockExtent[] = [];
          let size = 0;
          for (const [length, allocated] of some) {
            extents.push({ offset: size, length, zero: !allocated, allocated });
            size += length;
          }
          const offset = Math.min(skip, size);
          const cells = cellsOf(offset, size - offset, most);
          const device = deviceOf(size, async function* () {
            yield* extents;
          });
          const { shares, isComplete } = await allocatedCells(device, cells, new Slices());
          const expected = Array.from(rangesOf(cells), (range) => {
            const parts = extents.map((each) => {
              const from = Math.max(each.offset, range.offset);
              const to = Math.min(each.offset + each.length, range.offset + range.length);
              return each.allocated ? Math.max(0, to - from) : 0;
            });
            return shareOf(
              parts.reduce((a, b) => a + b, 0),
              range.length,
            );
          });
          expect({ shares: [...shares], isComplete }).toEqual({
            shares: expected,
            isComplete: true,
          });
        },
      ),
    );
  });

  it('leaves off where a disk has too much to tell, hangs or fails', async () => {
    const limits = { time: 60_000, steps: 3 };
    const step = { length: 512, zero: false, allocated: true };
    const endless = deviceOf(4096, async function* () {
      for (let offset = 0; ; offset += 512) yield { offset, ...step };
    });
    const cells = cellsOf(0, 4096, 8);
    const many = await allocatedCells(endless, cells, new Slices(), limits);
    expect(many).toEqual({
      shares: Uint8Array.of(255, 255, 255, 0, 0, 0, 0, 0),
      isComplete: false,
    });
    const hanging = deviceOf(4096, async function* () {
      yield { offset: 0, ...step };
      await new Promise(() => {});
    });
    const hung = await allocatedCells(hanging, cells, new Slices(), { time: 20, steps: 1000 });
    expect(hung).toMatchObject({ isComplete: false });
    expect(hung.shares[0]).toBe(255);
    const failing = deviceOf(4096, () => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('broken')) }),
    }));
    const failed = await allocatedCells(failing, cells, new Slices());
    expect(failed).toEqual({ shares: new Uint8Array(8), isComplete: false });
  });

  it('lets others have their turn, though a disk never waits', async () => {
    const step = { length: 512, zero: false, allocated: true };
    const count = 100_000;
    const quick = deviceOf(count * 512, async function* () {
      for (let i = 0; i < count; i++) yield { offset: i * 512, ...step };
    });
    let turns = 0;
    const over = new AbortController();
    const others = (async () => {
      while (!over.signal.aborted) {
        await setImmediate();
        turns += 1;
      }
    })();
    const slices = new Slices();
    const { isComplete } = await allocatedCells(quick, cellsOf(0, count * 512, 64), slices, {
      time: 60_000,
      steps: count + 1,
    });
    over.abort();
    await others;
    expect(isComplete).toBe(true);
    expect(turns).toBeGreaterThan(2);
  });
});
