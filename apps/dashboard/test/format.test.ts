import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as format from '../src/model/format.ts';

describe('formats', () => {
  it.each([
    [0, '0 B'],
    [512, '512 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.50 KiB'],
    [65_536, '64 KiB'],
    [1024 ** 2 - 1, '1.00 MiB'],
    [12.34 * 1024 ** 3, '12.3 GiB'],
    [16 * 1024 ** 4, '16 TiB'],
    [2 ** 60, '1024 PiB'],
    [Number.NaN, '–'],
  ])('%d bytes as %s', (bytes, text) => {
    expect(format.formatBytes(bytes)).toBe(text);
  });

  it('offsets so that neighbours differ', () => {
    expect(format.formatOffset(0)).toBe('0 B');
    expect(format.formatOffset(4 * 1024 ** 3)).toBe('4 GiB');
    expect(format.formatOffset(4 * 1024 ** 3 + 65_536)).toBe('4 GiB + 64 KiB');
    expect(format.formatOffset(2048)).toBe('2 KiB');
  });

  it('shares that never round to nothing or to all', () => {
    expect(format.formatShare(0, 10)).toBe('0 %');
    expect(format.formatShare(10, 10)).toBe('100 %');
    expect(format.formatShare(1, 1e9)).toBe('< 0.1 %');
    expect(format.formatShare(1e9 - 1, 1e9)).toBe('> 99.9 %');
    expect(format.formatShare(9970, 10_000)).toBe('99 %');
    expect(format.formatShare(1, 3)).toBe('33 %');
    expect(format.formatShare(0, 0)).toBe('0 %');
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 50 }), fc.integer({ min: 1, max: 2 ** 50 }), (part, whole) => {
        const text = format.formatShare(part, whole);
        expect(text === '0 %').toBe(part === 0);
        expect(text === '100 %').toBe(part >= whole);
      }),
    );
  });

  it.each([
    [0, '0 s'],
    [59.6, '1 min'],
    [200, '3 min 20 s'],
    [3599, '59 min 59 s'],
    [3600, '1 h'],
    [5 * 3600 + 720, '5 h 12 min'],
    [3 * 86_400 + 4 * 3600, '3 d 4 h'],
    [-1, '–'],
    [Number.POSITIVE_INFINITY, '–'],
  ])('%d seconds as %s', (seconds, text) => {
    expect(format.formatDuration(seconds)).toBe(text);
  });

  it('how long ago, and counts', () => {
    expect(format.formatAgo(0, 5000)).toBe('just now');
    expect(format.formatAgo(0, 59_000)).toBe('59 s ago');
    expect(format.formatAgo(0, 3_599_000)).toBe('59 min ago');
    expect(format.formatAgo(0, 26 * 3_600_000)).toBe('26 h ago');
    expect(format.formatAgo(0, 72 * 3_600_000)).toBe('3 d ago');
    // A clock that is behind the daemon's.
    expect(format.formatAgo(10_000, 0)).toBe('just now');
    expect(format.formatCount(999)).toBe('999');
    expect(format.formatCount(1_234_567)).toBe('1.23 M');
    expect(format.plural(1, 'client')).toBe('1 client');
    expect(format.plural(2, 'client')).toBe('2 clients');
  });
});
