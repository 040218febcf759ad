import { ioBuffer } from '@tidemark/block';
import { expect, it } from 'vitest';

it.each([0, 1, 4096, 65_535, 65_536, 1_048_576])('has as many bytes as were asked for: %i', (n) => {
  expect(ioBuffer(n)).toHaveLength(n);
});

it('does not begin with its memory where it is long, and keeps words aligned', () => {
  const { byteOffset } = ioBuffer(65_536);
  expect(byteOffset).toBeGreaterThan(0);
  expect(byteOffset % 16).toBe(0);
});
