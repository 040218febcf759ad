import { pairsOfShape } from './pairs.ts';
import { Random } from './random.ts';
import { type Shape, shapeOf } from './shapes.ts';

const CANDIDATES = 40;

/**
 * Shapes of images one after the other, each the one of many random ones that has most pairs of
 * values that none before it had: a hundred images have had all pairs.
 */
export function* planShapes(seed: number): Generator<Shape, never> {
  const had = new Set<string>();
  for (let index = 0; ; index++) {
    const random = new Random(seed * 7919 + index);
    const shapes = Array.from({ length: CANDIDATES }, () => shapeOf(index, random));
    const newOf = (shape: Shape) => pairsOfShape(shape).filter((pair) => !had.has(pair)).length;
    const best = shapes.reduce((a, b) => (newOf(b) > newOf(a) ? b : a));
    for (const pair of pairsOfShape(best)) had.add(pair);
    yield best;
  }
}
