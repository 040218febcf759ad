import { describe, expect, it } from 'vitest';
import type { DriveMap } from '@tidemark/http/client';
import { describeCell } from '../src/model/describe-cell.ts';
import { cellsOf, decodeMap, fits, summarise } from '../src/model/heat.ts';

const base64 = (...cells: number[]): string => Buffer.from(cells).toString('base64');

const MAP: DriveMap = {
  offset: 4096,
  length: 4 * 4096,
  cellBytes: 4096,
  cells: 4,
  bitmaps: { nightly: base64(0, 255, 1, 0) },
  allocated: base64(0, 255, 255, 128),
  allocatedComplete: true,
  written: base64(0, 255, 1, 0),
};
const NONE: ReadonlySet<string> = new Set();

describe('a map of a drive', () => {
  it('is looked at through a view of other cells until one of them has come', () => {
    const heat = decodeMap(MAP);
    const view = { offset: 0, cellBytes: 2048, cells: 6 };
    expect([...cellsOf(heat, view)]).toEqual([-1, -1, 0, 0, 1, 1]);
    expect(fits(heat, view)).toBe(false);
    expect(fits(heat, { offset: 4096, cellBytes: 4096, cells: 4 })).toBe(true);
  });

  it('tells the numbers of a cell', () => {
    const heat = decodeMap(MAP);
    expect(describeCell(heat, 1, { start: 8192, end: 12_288 }, NONE)).toBe(
      '8 KiB to 12 KiB (4 KiB), dirty in nightly 100 %, allocated 100 %, written now',
    );
    expect(describeCell(heat, 2, { start: 12_288, end: 16_384 }, NONE)).toContain(
      'written about 5 min ago',
    );
    expect(describeCell(heat, -1, { start: 0, end: 512 }, NONE)).toContain('loading');
  });

  it('never calls clean what a bitmap that missed writes says', () => {
    const heat = decodeMap(MAP);
    const text = describeCell(heat, 0, { start: 4096, end: 8192 }, new Set(['nightly']));
    expect(text).toContain('nightly: not known');
    expect(text).not.toContain('dirty in nightly');
  });

  it('does not call unallocated what was not looked at', () => {
    const heat = decodeMap({ ...MAP, allocatedComplete: false });
    expect(describeCell(heat, 0, { start: 4096, end: 8192 }, NONE)).toContain(
      'allocated: not known',
    );
    expect(describeCell(heat, 1, { start: 8192, end: 12_288 }, NONE)).toContain('allocated 100 %');
  });

  it('is summed up in rows that hold all of it', () => {
    const rows = summarise(decodeMap(MAP), 5 * 4096 - 512, 2);
    expect(rows.map(({ start, end }) => [start, end])).toEqual([
      [4096, 12_288],
      [12_288, 5 * 4096 - 512],
    ]);
    expect(rows[0]!.dirty.get('nightly')).toBe(4096);
    expect(rows[1]!.dirty.get('nightly')).toBeGreaterThan(0);
    expect(rows[0]!.written).toBe(255);
  });
});
