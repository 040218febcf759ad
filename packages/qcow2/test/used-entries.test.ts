import fc from 'fast-check';
import { expect, it } from 'vitest';
import { lastUsedEntry, usedEntries } from '../src/util/used-entries.ts';

/** Longer than what is skipped at once, and not a multiple of it. */
const LENGTH = 3000;

it('entries of a table that are not zero are found, and the last of them', () => {
  const indexes = fc.uniqueArray(fc.nat(LENGTH - 1), { maxLength: 8 });
  const property = fc.property(indexes, fc.integer({ min: 1, max: 2 ** 48 }), (used, value) => {
    const table = new Float64Array(LENGTH);
    for (const index of used) table[index] = value;
    expect([...usedEntries(table)]).toEqual(used.toSorted((a, b) => a - b));
    expect(lastUsedEntry(table)).toBe(Math.max(-1, ...used));
  });
  fc.assert(property);
});

it('an empty table has no last entry', () => {
  expect(lastUsedEntry(new Float64Array(0))).toBe(-1);
});
