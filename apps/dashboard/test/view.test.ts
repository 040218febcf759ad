import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as views from '../src/model/view.ts';

const TIB = 1024 ** 4;
const extents = fc.record({
  size: fc.integer({ min: 1, max: 2 ** 45 }).map((sectors) => sectors * 512),
  granule: fc.integer({ min: 9, max: 22 }).map((bits) => 2 ** bits),
});
const cellCounts = fc.integer({ min: 1, max: 4096 });

describe('a view of a drive', () => {
  it('shows the whole drive in as many cells as there are, none of them behind its end', () => {
    const view = views.wholeView({ size: 16 * TIB, granule: 65_536 }, 1000);
    expect(view.cells * view.cellBytes).toBeGreaterThanOrEqual(16 * TIB);
    expect((view.cells - 1) * view.cellBytes).toBeLessThan(16 * TIB);
    expect(view.cellBytes % 512).toBe(0);
  });

  it('of a small drive has a cell for each granule', () => {
    const view = views.wholeView({ size: 10 * 65_536 + 512, granule: 65_536 }, 1000);
    expect(view).toEqual({ offset: 0, cellBytes: 65_536, cells: 11 });
  });

  it('is zoomed from 16 TiB to a granule, around the place asked for', () => {
    const extent = { size: 16 * TIB, granule: 65_536 };
    const anchor = 5 * TIB + 3 * 65_536 + 17;
    let view = views.wholeView(extent, 1000);
    let steps = 0;
    while (!views.isFinest(view, extent) && steps++ < 100) {
      view = views.zoom(view, extent, 1000, 1, anchor);
      expect(view.offset).toBeLessThanOrEqual(anchor);
      expect(view.offset + views.viewLength(view, extent)).toBeGreaterThan(anchor);
    }
    expect(view.cellBytes).toBe(65_536);
    // A cell is a granule, not parts of two.
    expect(view.offset % 65_536).toBe(0);
    expect(steps).toBeLessThan(30);
  });

  it('stays within the drive and changes with each step, whatever is done to it', () => {
    const actions = fc.array(
      fc.oneof(
        fc.record({
          zoom: fc.integer({ min: -3, max: 3 }),
          at: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
        fc.record({ pan: fc.integer({ min: -9000, max: 9000 }) }),
        fc.record({ cells: cellCounts }),
      ),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(extents, cellCounts, actions, (extent, first, all) => {
        let cells = first;
        let view = views.wholeView(extent, cells);
        for (const action of all) {
          if ('zoom' in action) {
            const anchor = view.offset + action.at * views.viewLength(view, extent);
            view = views.zoom(view, extent, cells, action.zoom, anchor);
          } else if ('pan' in action) {
            view = views.pan(view, extent, action.pan);
          } else {
            cells = action.cells;
            view = views.resized(view, extent, cells);
          }
          expect(view.offset).toBeGreaterThanOrEqual(0);
          expect(view.offset).toBeLessThan(extent.size);
          expect(view.cellBytes).toBeGreaterThanOrEqual(extent.granule);
          expect(view.cells).toBeLessThanOrEqual(cells);
          expect(views.viewLength(view, extent)).toBeGreaterThan(0);
        }
      }),
    );
  });

  it('zoomed out far enough is the whole drive again', () => {
    fc.assert(
      fc.property(extents, cellCounts, fc.integer({ min: 1, max: 12 }), (extent, cells, steps) => {
        const whole = views.wholeView(extent, cells);
        let view = whole;
        for (let step = 0; step < steps; step++) {
          view = views.zoom(view, extent, cells, 1, extent.size / 3);
        }
        for (let step = 0; step < steps + 1; step++) {
          view = views.zoom(view, extent, cells, -1, extent.size / 3);
        }
        expect(view).toEqual(whole);
      }),
    );
  });

  it('tells the bytes of a cell, the last one cut at the end of the drive', () => {
    const extent = { size: 100_000, granule: 65_536 };
    const view = views.wholeView(extent, 10);
    expect(views.cellRange(view, extent, 1)).toEqual({ start: 65_536, end: 100_000 });
  });

  it('takes the finest granularity, or the usual one where there is no bitmap', () => {
    expect(views.granuleOf([{ granularity: 65_536 }, { granularity: 4096 }])).toBe(4096);
    expect(views.granuleOf([])).toBe(65_536);
  });
});
