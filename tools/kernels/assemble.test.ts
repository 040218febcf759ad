import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { assembleKernels, KERNELS } from './assemble.ts';

it.each(KERNELS)(
  'kernels that are checked in are those of their source: $path',
  async (kernels) => {
    expect(readFileSync(kernels.generated, 'utf8')).toBe(await assembleKernels(kernels));
  },
);
