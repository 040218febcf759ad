import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

it('has a README whose sample runs', async () => {
  expect(read('../README.md')).toContain(`\`\`\`ts\n${read('./support/readme-sample.ts')}\`\`\`\n`);
  const log = vi.spyOn(console, 'log').mockReturnValue();
  await import('./support/readme-sample.ts');
  expect(log.mock.calls).toEqual([
    [1, 'cluster 1 has a refcount of 0, and is referred to 1 times'],
    [['raise the refcounts of 1 clusters']],
    [0],
  ]);
  log.mockRestore();
});
