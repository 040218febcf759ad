import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { apply, type Mutant } from './mutant.ts';

const root = join(import.meta.dirname, '../..');

// Most runs try some of the mutants; a change of the code must not leave the others without a place.
it('all mutants find their place', async () => {
  const problems: string[] = [];
  let count = 0;
  for (const file of readdirSync(import.meta.dirname)) {
    if (!file.endsWith('-mutants.ts')) continue;
    const lists = (await import(join(import.meta.dirname, file))) as Record<string, Mutant[]>;
    for (const mutant of Object.values(lists).flat()) {
      count += 1;
      try {
        const source = readFileSync(join(root, mutant.file), 'utf8');
        if (apply(source, mutant) === source) problems.push(`${mutant.name} changes nothing`);
      } catch (error) {
        problems.push(`${mutant.name}: ${String(error)}`);
      }
    }
  }
  expect(problems).toEqual([]);
  expect(count).toBeGreaterThan(150);
});
