import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSize, parseSize } from '../src/index.ts';

describe('a size in text', () => {
  it.each([
    ['0', 0],
    ['65536', 65_536],
    ['64k', 65_536],
    ['64K', 65_536],
    ['64KiB', 65_536],
    ['64kb', 65_536],
    ['64 KiB', 65_536],
    ['2G', 2 ** 31],
    ['1T', 2 ** 40],
    ['1p', 2 ** 50],
    ['512B', 512],
  ])('%s is %i bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each([
    '',
    'k',
    '-1',
    '1.5k',
    '0x10',
    '1e3',
    '64kk',
    '9007199254740992',
    '8192p',
    'NaN',
    '1 2',
  ])('%j is refused as usage', (text) => {
    expect(() => parseSize(text)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: `'${text}' is not a size` }),
    );
  });

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [65_536, '64 KiB'],
    [3_211_264, '3.06 MiB'],
    [2 ** 30 - 1, '1 GiB'],
    [2 ** 40 - 1, '1 TiB'],
    [2 ** 53 - 1, '8 PiB'],
  ])('%i bytes are shown as %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  it('as shown is read back within its last digit, and never with four digits before the unit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 49 }), (bytes) => {
        const [number, unit] = formatSize(bytes).split(' ');
        const back = Number(number) * parseSize(`1${unit}`);
        expect(Math.abs(back - bytes)).toBeLessThanOrEqual(bytes * 0.01);
        expect(Number(number)).toBeLessThan(1024);
      }),
    );
  });
});
