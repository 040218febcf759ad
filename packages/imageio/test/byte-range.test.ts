import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRange } from '../src/byte-range.ts';
import { HttpError } from '../src/http-error.ts';

function outcome(header: string, size: number): string {
  try {
    const { offset, length } = parseRange(header, size);
    return `${offset}+${length}`;
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return `${error.status} ${error.headers['content-range']}`;
  }
}

describe('a range', () => {
  it.each([
    ['bytes=0-0', '0+1'],
    ['bytes=0-99', '0+100'],
    ['bytes=99-', '99+1'],
    ['bytes=-1', '99+1'],
    ['bytes=-100', '0+100'],
    ['bytes=-1000', '0+100'],
  ])('%s is %s of 100 bytes', (header, expected) => {
    expect(outcome(header, 100)).toBe(expected);
  });

  it.each([
    'bytes=0-100',
    'bytes=100-',
    'bytes=100-100',
    'bytes=5-4',
    'bytes=-0',
    'bytes=-',
    'bytes=0-1,3-4',
    'bytes=0-1 ',
    ' bytes=0-1',
    'bytes = 0-1',
    'Bytes=0-1',
    'bytes=0x0-1',
    'bytes=+0-1',
    'bytes=0-1e1',
    'bytes=99999999999999999999999-99999999999999999999999',
    'items=0-1',
    '',
  ])('%j of 100 bytes is refused, and the answer tells how many there are', (header) => {
    expect(outcome(header, 100)).toBe('416 bytes */100');
  });

  it('of a disk without bytes is refused', () => {
    for (const header of ['bytes=0-', 'bytes=-1', 'bytes=0-0']) {
      expect(outcome(header, 0)).toBe('416 bytes */0');
    }
  });

  it('is inside of the image, or refused', () => {
    const text = fc.tuple(fc.nat(300), fc.nat(300)).map(([a, b]) => `bytes=${a}-${b}`);
    fc.assert(
      fc.property(text, fc.nat(200), (header, size) => {
        const [, a, b] = /(\d+)-(\d+)/.exec(header)!.map(Number);
        const isInside = a! <= b! && b! < size;
        expect(outcome(header, size)).toBe(
          isInside ? `${a!}+${b! - a! + 1}` : `416 bytes */${size}`,
        );
      }),
    );
  });
});
