// pnpm kernels: assembles the bitmap kernels anew. The result is checked in.
import { writeFileSync } from 'node:fs';
import { assembleKernels, GENERATED } from './assemble.ts';

writeFileSync(GENERATED, await assembleKernels());
