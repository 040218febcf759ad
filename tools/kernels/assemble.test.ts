import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { assembleKernels, GENERATED } from './assemble.ts';

it('the kernels that are checked in are those of their source', async () => {
  expect(readFileSync(GENERATED, 'utf8')).toBe(await assembleKernels());
});
