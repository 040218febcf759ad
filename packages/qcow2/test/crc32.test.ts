import { crc32 as reference } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { crc32 } from '../src/control/crc32.ts';

it('gives the sum of node:zlib, in one part or in several', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (a, b) => {
      expect(crc32(a)).toBe(reference(a));
      expect(crc32(b, crc32(a))).toBe(reference(Buffer.concat([a, b])));
    }),
  );
});

it('gives it of long parts as well', () => {
  const bytes = Uint8Array.from({ length: 16_385 }, (_, index) => index * 7);
  expect(crc32(bytes)).toBe(reference(bytes));
  expect(crc32(bytes.subarray(1))).toBe(reference(bytes.subarray(1)));
});
