import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rate } from '../../src/http/rate.ts';
import { WriteHeat } from '../../src/http/write-heat.ts';

const MIB = 2 ** 20;

function cells(size: number, count: number) {
  const length = size / count;
  return Array.from({ length: count }, (_, i) => ({ offset: i * length, length }));
}

describe('the heat of a drive', () => {
  it('fades over five minutes, and never to nothing', () => {
    const clock = { now: 1 };
    const heat = new WriteHeat(4 * MIB, clock);
    const shades = () => [...heat.shades(cells(4 * MIB, 4))];
    expect(shades()).toEqual([0, 0, 0, 0]);
    heat.wrote(0, 1);
    heat.wrote(2 * MIB - 1, 2);
    expect(shades()).toEqual([255, 255, 255, 0]);
    clock.now = 151;
    heat.wrote(MIB, 512);
    expect(shades()).toEqual([128, 255, 128, 0]);
    clock.now = 301;
    expect(shades()).toEqual([1, 128, 1, 0]);
    clock.now = 100_000;
    expect(shades()).toEqual([1, 1, 1, 0]);
    expect(heat).toMatchObject({ requests: 3, bytes: 515 });
  });

  it('has each write in the cells that it touches, whatever the size', () => {
    const size = fc.integer({ min: 1, max: 2 ** 50 });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(size, share, share, (bytes, from, much) => {
        const heat = new WriteHeat(bytes, { now: 1 });
        const offset = Math.min(bytes - 1, Math.floor(from * bytes));
        const length = Math.max(1, Math.floor(much * (bytes - offset)));
        heat.wrote(offset, length);
        const ranges = [
          { offset, length: 1 },
          { offset: offset + length - 1, length: 1 },
        ];
        expect([...heat.shades(ranges)]).toEqual([255, 255]);
        expect(Math.max(...heat.shades([{ offset: 0, length: bytes }]))).toBe(255);
      }),
    );
  });

  it('stays where it was when the drive grows and shrinks', () => {
    const heat = new WriteHeat(1024 * MIB, { now: 1 });
    heat.wrote(512 * MIB, 65_536);
    heat.fit(4096 * MIB);
    expect([...heat.shades(cells(4096 * MIB, 8))]).toEqual([0, 255, 0, 0, 0, 0, 0, 0]);
    heat.fit(1024 * MIB);
    expect([...heat.shades(cells(1024 * MIB, 8))]).toEqual([0, 0, 0, 0, 255, 0, 0, 0]);
  });

  it('counts what is written behind its cells, and notes it nowhere', () => {
    const heat = new WriteHeat(MIB, { now: 1 });
    heat.wrote(2 ** 50, 512);
    expect(heat.bytes).toBe(512);
    expect([...heat.shades([{ offset: 0, length: MIB }])]).toEqual([0]);
  });
});

describe('a rate', () => {
  it('is of the last two seconds', () => {
    const rate = new Rate();
    expect(rate.perSecond).toBe(0);
    for (const [second, value] of [0, 100, 200, 200, 200, 200].entries()) {
      rate.sample(value, second * 1000);
      expect(rate.perSecond).toBe([0, 100, 100, 50, 0, 0][second]);
    }
  });

  it('begins anew where a count does', () => {
    const rate = new Rate();
    rate.sample(1000, 0);
    rate.sample(10, 1000);
    expect(rate.perSecond).toBe(0);
    rate.sample(30, 2000);
    expect(rate.perSecond).toBe(20);
  });
});
