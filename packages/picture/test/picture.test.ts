import { DirtyBitmap } from '@tidemark/core';
import { decode } from 'fast-png';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLEAN, colourOf } from '../src/colours.ts';
import { cellsOf, drawPng, drawSvg, drawText, foldBitmap, type Picture } from '../src/index.ts';

const G = 65_536;

describe('cells', () => {
  it('are as dirty as the granules that they sum up', () => {
    const disk = fc.integer({ min: 1, max: 200 }).chain((granules) =>
      fc.record({
        tail: fc.integer({ min: 1, max: G }),
        dirty: fc.array(fc.boolean(), { minLength: granules, maxLength: granules }),
        limit: fc.integer({ min: 1, max: 300 }),
      }),
    );
    fc.assert(
      fc.property(disk, ({ tail, dirty, limit }) => {
        const size = (dirty.length - 1) * G + tail;
        const bitmap = new DirtyBitmap(size, G);
        for (const [index, is] of dirty.entries()) if (is) bitmap.set(index * G, 1);
        const cells = cellsOf(bitmap, limit);
        expect(cells.cellSize % G).toBe(0);
        expect(cells.dirty.length).toBe(Math.ceil(size / cells.cellSize));
        expect(cells.dirty.length).toBeLessThanOrEqual(limit);
        for (const [index, part] of cells.dirty.entries()) {
          const start = index * cells.cellSize;
          const end = Math.min(start + cells.cellSize, size);
          let bytes = 0;
          for (let at = start; at < end; at += G) {
            if (dirty[at / G]) bytes += Math.min(G, end - at);
          }
          expect(part).toBeCloseTo(bytes / (end - start), 4);
          expect([part === 0, part === 1]).toEqual([bytes === 0, bytes === end - start]);
        }
      }),
    );
  });

  it('are none of an empty disk', () => {
    expect(cellsOf(new DirtyBitmap(0, G), 64).dirty).toHaveLength(0);
  });
});

describe('colours', () => {
  it('are another one for anything dirty, and ever darker', () => {
    const light = (dirty: number) => colourOf(dirty).reduce((sum, channel) => sum + channel, 0);
    expect(colourOf(0)).toEqual(CLEAN);
    expect(colourOf(1e-7)).not.toEqual(CLEAN);
    for (let step = 1; step <= 100; step++) {
      expect(light(step / 100)).toBeLessThan(light((step - 1) / 100 || 1e-7));
    }
  });
});

describe('a picture', () => {
  const bitmap = new DirtyBitmap(10 * G, G);
  bitmap.set(3 * G, 2 * G);
  const label = (offset: number) => String(offset / G);
  const words = { title: 'a<b>&"\u0007', description: 'two of ten' };
  const picture = foldBitmap(bitmap, { ...words, columns: 4, rows: 3, label });

  it('is folded into rows', () => {
    expect(drawText(picture, { colour: false })).toEqual(['0  ···█', '4  █···', '8  ··']);
  });

  it('has a colour for each cell, told once for neighbours', () => {
    const [, second] = drawText(picture, { colour: true });
    expect(second).toBe('4  \u001b[48;2;105;22;97m \u001b[48;2;226;230;235m   \u001b[0m');
  });

  it('is an SVG that says what it shows, whatever a name holds', () => {
    const svg = drawSvg(picture);
    expect(svg).toContain('<title id="title">a&lt;b>&amp;&quot;\ufffd</title>');
    expect(svg).toContain('<desc id="description">two of ten</desc>');
    expect([...svg.matchAll(/<rect x="/g)]).toHaveLength(2 + 2 + 1);
  });

  it('is a PNG whose pixels are the cells', () => {
    const { width, height, data, channels } = decode(drawPng(picture));
    expect({ width, height, channels }).toEqual({ width: 32, height: 24, channels: 3 });
    const pixel = (x: number, y: number) => [
      ...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
    ];
    expect(pixel(0, 0)).toEqual([...CLEAN]);
    expect(pixel(31, 7)).toEqual([...colourOf(1)]);
    expect(pixel(0, 8)).toEqual([...colourOf(1)]);
    expect(pixel(8, 8)).toEqual([...CLEAN]);
    expect(pixel(31, 23)).toEqual([255, 255, 255]);
  });

  it('can be empty', () => {
    const nothing: Picture = { ...words, rows: [], cellSize: G };
    expect(drawText(nothing, { colour: true })).toEqual([]);
    expect(drawSvg(nothing)).toContain('two of ten');
    expect(decode(drawPng(nothing)).width).toBe(8);
  });
});
