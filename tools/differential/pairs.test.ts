import { expect, it } from 'vitest';
import { pairsOfShape, possiblePairs } from './pairs.ts';
import { planShapes } from './plan-shapes.ts';

it.each([1, 20, 4711])(
  'a hundred images have all pairs that there can be, from seed %i',
  (seed) => {
    const had = new Set<string>();
    const shapes = planShapes(seed);
    for (let i = 0; i < 100; i++)
      for (const pair of pairsOfShape(shapes.next().value)) had.add(pair);
    const possible = possiblePairs();
    expect(possible.filter((pair) => !had.has(pair))).toEqual([]);
    expect([...had].filter((pair) => !possible.includes(pair))).toEqual([]);
  },
);
