#!/usr/bin/env node
import { fileOnDisk, keptRequire } from '@tidemark/program';

const load = keptRequire(fileOnDisk, __filename, require);
const program: typeof import('./start.ts') = load('./start.js');
void program.start(import.meta.url);
