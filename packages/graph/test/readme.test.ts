import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

it('shows code that runs', async () => {
  expect(read('../README.md')).toContain(`\`\`\`ts\n${read('./support/readme-sample.ts')}\`\`\`\n`);
  await import('./support/readme-sample.ts');
});
