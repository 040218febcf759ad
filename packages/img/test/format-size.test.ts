import { expect, it } from 'vitest';
import { formatImgSize } from '../src/text/format-size.ts';

// As printf's %.3g has it: what lies in the middle goes to the even digit.
it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '0.977 KiB'],
  [1152, '1.12 KiB'],
  [10_496, '10.2 KiB'],
  [10_752, '10.5 KiB'],
  [197_120, '192 KiB'],
  [198_144, '194 KiB'],
  [197_121, '193 KiB'],
  [1_034_240, '0.986 MiB'],
  [2 ** 53 - 1, '8 PiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatImgSize(bytes)).toBe(text);
});
