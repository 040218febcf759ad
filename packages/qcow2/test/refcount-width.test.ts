import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRefcount, refcountBytes, writeRefcount } from '../src/refcounts/refcount-width.ts';

function viewOf(...bytes: number[]): DataView {
  return new DataView(Uint8Array.of(...bytes).buffer);
}

describe('refcount entries', () => {
  it.each([
    { bits: 1, index: 0, bytes: [0b0000_0001], value: 1 },
    { bits: 1, index: 7, bytes: [0b1000_0000], value: 1 },
    { bits: 2, index: 1, bytes: [0b0000_1100], value: 3 },
    { bits: 4, index: 1, bytes: [0xa0], value: 10 },
    { bits: 8, index: 1, bytes: [0, 200], value: 200 },
    { bits: 16, index: 1, bytes: [0, 0, 1, 2], value: 0x102 },
    { bits: 32, index: 0, bytes: [1, 2, 3, 4], value: 0x1020304 },
    { bits: 64, index: 0, bytes: [0, 0, 0, 1, 0, 0, 0, 2], value: 2 ** 32 + 2 },
  ])('of $bits bits: entry $index is $value', ({ bits, index, bytes, value }) => {
    expect(readRefcount(viewOf(...bytes), index, bits)).toBe(value);
    const written = viewOf(...bytes.map(() => 0));
    writeRefcount(written, index, bits, value);
    expect([...new Uint8Array(written.buffer)]).toEqual(bytes);
  });

  it('keeps the neighbours of the entry that is written, and says which bytes changed', () => {
    const width = fc.constantFrom(1, 2, 4, 8, 16, 32, 64);
    fc.assert(
      fc.property(
        width,
        fc.uint8Array({ minLength: 64, maxLength: 64 }),
        fc.nat(),
        fc.nat(),
        (bits, bytes, at, content) => {
          const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
          const count = 512 / bits;
          const index = at % count;
          const value = content % 2 ** Math.min(bits, 31);
          const before = Array.from({ length: count }, (_, i) => readRefcount(view, i, bits));
          const old = bytes.slice();
          writeRefcount(view, index, bits, value);
          before[index] = value;
          const after = Array.from({ length: count }, (_, i) => readRefcount(view, i, bits));
          expect(after).toEqual(before);
          const { from, to } = refcountBytes(index, bits);
          expect(bytes.subarray(0, from)).toEqual(old.subarray(0, from));
          expect(bytes.subarray(to)).toEqual(old.subarray(to));
        },
      ),
    );
  });
});
