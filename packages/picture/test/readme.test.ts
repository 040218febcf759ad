import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

it('has a README whose sample runs', async () => {
  expect(read('../README.md')).toContain(`\`\`\`ts\n${read('./support/readme-sample.ts')}\`\`\`\n`);
  const log = vi.spyOn(console, 'log').mockReturnValue();
  await import('./support/readme-sample.ts');
  expect(log.mock.calls).toEqual([
    [`  0 MiB  ${'·'.repeat(16)}████${'·'.repeat(12)}\n512 MiB  ${'·'.repeat(32)}`],
    [true],
  ]);
  log.mockRestore();
});
