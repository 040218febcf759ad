import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK, ClusterCounter, ClusterSet } from '../src/count/cluster-counter.ts';
import { MemoryBudget } from '../src/count/memory-budget.ts';

const RUNS = fc.array(
  fc.record({
    // Around the ends of chunks, and of what fits in 31 bits.
    cluster: fc.oneof(
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: CHUNK - 30, max: CHUNK + 30 }),
      fc.integer({ min: 2 ** 31 - 40, max: 2 ** 31 + 40 }),
    ),
    count: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constant(2 * CHUNK + 5)),
    weight: fc.constantFrom(1, 2, 200, 300),
  }),
  { maxLength: 12 },
);

const clustersOf = ({ cluster, count }: { readonly cluster: number; readonly count: number }) =>
  Array.from({ length: count }, (_, i) => cluster + i);

describe('runs of clusters', () => {
  it('are counted as one by one', () => {
    fc.assert(
      fc.property(RUNS, (runs) => {
        const counter = new ClusterCounter(new MemoryBudget(2 ** 30));
        const counts = new Map<number, number>();
        for (const run of runs) {
          counter.addRun(run.cluster, run.count, run.weight);
          for (const at of clustersOf(run)) counts.set(at, (counts.get(at) ?? 0) + run.weight);
        }
        const expected = [...counts].sort(([a], [b]) => a - b);
        expect([...counter.entries()]).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('are in a set as one by one', () => {
    fc.assert(
      fc.property(RUNS, RUNS, (added, asked) => {
        const set = new ClusterSet(new MemoryBudget(2 ** 30));
        const all = new Set<number>();
        for (const run of added) {
          set.addRun(run.cluster, run.count);
          for (const at of clustersOf(run)) all.add(at);
        }
        for (const run of [...added, ...asked]) {
          const isThere = clustersOf(run).every((at) => all.has(at));
          expect(set.hasRun(run.cluster, run.count)).toBe(isThere);
          for (const at of [run.cluster, run.cluster + run.count]) {
            expect(set.has(at)).toBe(all.has(at));
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
