// pnpm kernels: assembles the bitmap kernels anew. The results are checked in.
import { writeFileSync } from 'node:fs';
import { assembleKernels, KERNELS } from './assemble.ts';

for (const kernels of KERNELS) writeFileSync(kernels.generated, await assembleKernels(kernels));
