import { describe, expect, it } from 'vitest';
import {
  checkBitmapName,
  checkGranularity,
  defaultGranularity,
  isTidemarkError,
  MAX_BITMAP_BYTES,
  MAX_BITMAPS,
  MAX_GRANULARITY,
  MAX_NAME_BYTES,
  MIN_GRANULARITY,
  TidemarkError,
} from '../src/index.ts';

describe('limits', () => {
  it('are those of QEMU 7.2', () => {
    expect({ MIN_GRANULARITY, MAX_GRANULARITY }).toEqual({
      MIN_GRANULARITY: 512,
      MAX_GRANULARITY: 2_147_483_648,
    });
    expect({ MAX_BITMAP_BYTES, MAX_BITMAPS, MAX_NAME_BYTES }).toEqual({
      MAX_BITMAP_BYTES: 536_870_912,
      MAX_BITMAPS: 65_535,
      MAX_NAME_BYTES: 1023,
    });
  });

  it('allow each power of two from 512 B to 2 GiB as granularity', () => {
    for (let bits = 9; bits <= 31; bits++) expect(() => checkGranularity(2 ** bits)).not.toThrow();
  });

  it.each([0, 1, 256, 511, 513, 768, 65_535, 2 ** 31 + 2, 2 ** 32, 512.5, -512, Number.NaN])(
    'allow no granularity of %d',
    (granularity) => {
      expect(() => checkGranularity(granularity)).toThrow(
        expect.objectContaining({
          code: 'BITMAP_INVALID',
          message: `granularity ${granularity} is not possible`,
          context: { hint: 'use a power of two from 512 to 2147483648 bytes' },
        }),
      );
    },
  );

  it.each([
    [undefined, 65_536],
    [512, 4096],
    [4096, 4096],
    [8192, 8192],
    [65_536, 65_536],
    [2_097_152, 65_536],
  ])('make of a cluster size of %s a granularity of %d', (clusterSize, granularity) => {
    expect(defaultGranularity(clusterSize)).toBe(granularity);
  });

  it.each(['a', 'x'.repeat(1023), '\u{1f30a}'.repeat(255), '\n', 'a b', "it's"])(
    'allow the name %j',
    (name) => {
      expect(() => checkBitmapName(name)).not.toThrow();
    },
  );

  it.each([
    '',
    'x'.repeat(1024),
    '\u{1f30a}'.repeat(256),
    'x'.repeat(10_000_000),
    '\0',
    'a\0b',
    '\ud800',
  ])(
    // Not the name: one has ten million letters.
    'allow no name that is empty, too long, has NUL or is no text (%#)',
    (name) => {
      expect(() => checkBitmapName(name)).toThrow(
        expect.objectContaining({ code: 'BITMAP_INVALID' }),
      );
      expect(() => checkBitmapName(name)).toThrow(/^.{0,100}$/u);
    },
  );
});

describe('isTidemarkError', () => {
  const error = new TidemarkError('BITMAP_BUSY', 'bitmap is in use', { bitmap: 'a' }, 'cause');

  it('knows an error by its brand, and by its code where one is asked for', () => {
    expect(isTidemarkError(error)).toBe(true);
    expect(isTidemarkError(error, 'BITMAP_BUSY')).toBe(true);
    expect(isTidemarkError(error, 'BITMAP_EXISTS')).toBe(false);
    expect([error.name, error.context.bitmap, error.cause]).toEqual([
      'TidemarkError',
      'a',
      'cause',
    ]);
  });

  it('knows an error of another copy of this package', () => {
    const foreign = Object.assign(new Error('x'), { code: 'BITMAP_BUSY' });
    expect(isTidemarkError(foreign)).toBe(false);
    Object.defineProperty(foreign, Symbol.for('tidemark.error'), { value: true });
    expect(isTidemarkError(foreign, 'BITMAP_BUSY')).toBe(true);
  });

  it.each([undefined, null, 'text', 5, new Error('x'), { code: 'BITMAP_BUSY' }])(
    'does not take %s for one',
    (value) => {
      expect(isTidemarkError(value)).toBe(false);
    },
  );
});
