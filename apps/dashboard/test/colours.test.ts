import { describe, expect, it } from 'vitest';
import { scalesOf } from '../src/model/colours.ts';

const channels = (css: string): number[] => css.match(/\d+/g)!.slice(0, 3).map(Number);

/** How far apart two colours are, in the rough way that weighs channels by what the eye sees. */
function distance(one: string, other: string): number {
  const [a, b] = [channels(one), channels(other)];
  return Math.hypot(...a.map((value, index) => value - b[index]!));
}

describe.each(['light', 'dark'] as const)('the colours of the %s theme', (theme) => {
  const scales = scalesOf(theme);

  it('set a cell that is dirty at all apart from one that is not', () => {
    for (const clean of [scales.empty, scales.allocated[1]!, scales.allocated[255]!]) {
      expect(distance(scales.dirty[1]!, clean)).toBeGreaterThan(55);
    }
  });

  it('set allocated apart from empty, from the first byte on', () => {
    expect(distance(scales.allocated[1]!, scales.empty)).toBeGreaterThan(15);
    expect(distance(scales.allocated[255]!, scales.empty)).toBeGreaterThan(55);
  });

  it('go one way: the more is dirty, the farther from empty', () => {
    const far = scales.dirty.map((colour) => distance(colour, scales.empty));
    for (let share = 16; share < 256; share += 16) {
      expect(far[share]!).toBeGreaterThan(far[share - 15]!);
    }
  });

  it('have one for each byte', () => {
    for (const scale of [scales.dirty, scales.allocated, scales.written]) {
      expect(scale).toHaveLength(256);
      expect(scale.every((colour) => /^rgb\(\d+ \d+ \d+( \/ [\d.]+)?\)$/.test(colour))).toBe(true);
    }
  });
});
