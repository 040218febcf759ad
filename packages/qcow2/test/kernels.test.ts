import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { geometryOf } from '../src/geometry.ts';
import { decodeL2Entry, type Mapping } from '../src/mapping/l2-entry.ts';
import { readRefcount, writeRefcount } from '../src/refcounts/refcount-width.ts';
import { RangeLock } from '../src/util/range-lock.ts';
import { RangeSet } from '../src/util/range-set.ts';

/** No file is so large, so it does not matter which place it is. */
const BEYOND = 1n << 53n;

/** qcow2.rst, "L2 table entry", in one big number. */
function naiveL2Entry(
  entry: bigint,
  clusterBits: number,
  version: number,
): Mapping | 'refused' | 'beyond' {
  const bit = (index: number) => (entry >> BigInt(index)) & 1n;
  const bits = (from: number, to: number) =>
    (entry >> BigInt(from)) & ((1n << BigInt(to - from + 1)) - 1n);
  const exclusive = bit(63) === 1n;
  if (bit(62) === 1n) {
    const x = 62 - (clusterBits - 8);
    const host = bits(0, x - 1);
    const length = (bits(x, 61) + 1n) * 512n - (host % 512n);
    if (exclusive) return 'refused';
    if (host >= BEYOND) return 'beyond';
    return { kind: 'compressed', host: Number(host), length: Number(length) };
  }
  const host = bits(9, 55) << 9n;
  const reserved = bits(1, 8) + bits(56, 61) + (version < 3 ? bit(0) : 0n);
  if (reserved !== 0n || host % (1n << BigInt(clusterBits)) !== 0n) return 'refused';
  if (bit(0) === 1n) {
    return { kind: 'zero', host: host === 0n ? undefined : Number(host), exclusive };
  }
  return host === 0n ? { kind: 'unallocated' } : { kind: 'data', host: Number(host), exclusive };
}

function plain(found: ReturnType<typeof decodeL2Entry>) {
  if (typeof found === 'string') return 'refused';
  return found.kind === 'compressed' && found.host >= Number(BEYOND) ? 'beyond' : found;
}

describe('kernels, held to naive models', () => {
  it('decode L2 entries alike', () => {
    const sparse = fc
      .tuple(fc.bigInt({ min: 0n, max: 2n ** 48n }), fc.constantFrom(0n, 1n, 2n, 3n))
      .map(([cluster, top]) => ((cluster << 9n) | (top << 62n)) & ((1n << 64n) - 1n));
    const entry = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), sparse);
    const kind = fc.tuple(
      entry,
      fc.integer({ min: 9, max: 21 }),
      fc.constantFrom(2, 3),
      fc.boolean(),
    );
    const property = fc.property(kind, ([any, clusterBits, version, aligned]) => {
      // Few random entries are aligned to clusters, so half of them are made to be.
      const mask = ((1n << BigInt(clusterBits)) - 1n) & ~1n;
      const value = aligned ? any & ~mask : any;
      const rules = { geometry: geometryOf({ clusterBits, refcountOrder: 4 }), version };
      const found = decodeL2Entry(Number(value >> 32n), Number(value & 0xffff_ffffn), rules);
      const expected = naiveL2Entry(value, clusterBits, version);
      expect(plain(found)).toEqual(expected);
    });
    fc.assert(property, { numRuns: 3000 });
  });

  it('keep refcounts of every width as an array of numbers does', () => {
    const change = fc.tuple(fc.nat({ max: 63 }), fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }));
    const property = fc.property(
      fc.constantFrom(1, 2, 4, 8, 16, 32, 64),
      fc.array(change, { maxLength: 50 }),
      (bits, changes) => {
        const view = new DataView(new ArrayBuffer(64 * 8));
        const model = Array.from({ length: 64 }, () => 0);
        for (const [index, any] of changes) {
          const value = Number(any & ((1n << BigInt(bits)) - 1n));
          writeRefcount(view, index, bits, value);
          model[index] = value;
        }
        expect(model.map((_, index) => readRefcount(view, index, bits))).toEqual(model);
      },
    );
    fc.assert(property);
  });

  it('find what ranges touch as a list of bytes does', () => {
    const range = fc.record({
      offset: fc.nat({ max: 60 }),
      length: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(range), range, (ranges, asked) => {
        const bytes = new Set(
          ranges.flatMap(({ offset, length }) => Array.from({ length }, (_, i) => offset + i)),
        );
        const touched = Array.from({ length: asked.length }, (_, i) => asked.offset + i);
        const expected = touched.some((byte) => bytes.has(byte));
        expect(new RangeSet(ranges).touches(asked)).toBe(expected);
      }),
    );
  });

  it('keep tasks on one cluster apart, in the order of their calls', async () => {
    const range = fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 3 }));
    const property = fc.asyncProperty(fc.array(range, { maxLength: 12 }), async (ranges) => {
      const lock = new RangeLock();
      const owners = new Map<number, number>();
      const order = new Map<number, number[]>();
      const tasks = ranges.map(([first, more], task) =>
        lock.run(first, first + more, async () => {
          for (let at = first; at <= first + more; at++) {
            expect(owners.get(at)).toBeUndefined();
            owners.set(at, task);
            order.set(at, [...(order.get(at) ?? []), task]);
          }
          for (let turn = 0; turn < task % 4; turn++) await Promise.resolve();
          for (let at = first; at <= first + more; at++) owners.delete(at);
        }),
      );
      await Promise.all(tasks);
      for (const [, tasksInOrder] of order)
        expect(tasksInOrder).toEqual(tasksInOrder.toSorted((a, b) => a - b));
      expect(order.size > 0).toBe(ranges.length > 0);
    });
    await fc.assert(property);
  });

  it('let the next task in when one fails', async () => {
    const lock = new RangeLock();
    const failing = lock.run(0, 5, async () => {
      throw new Error('failed');
    });
    const next = lock.run(5, 9, async () => 'done');
    await expect(failing).rejects.toThrow('failed');
    await expect(next).resolves.toBe('done');
  });
});
