import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';
import { LongProjectsFirst } from './tools/long-projects-first.ts';
import { mutatingPlugin } from './tools/mutants/mutating-plugin.ts';

// Sources of sibling packages run directly: no build is needed to test a package.
const conditions = [
  '@tidemark/source',
  ...defaultServerConditions.filter((name) => name !== 'module'),
];

// Each project that is loaded takes time: runs for one (tools/mutants) name it.
const only = process.env['TIDEMARK_PROJECT'];

export default defineConfig({
  plugins: [mutatingPlugin()],
  resolve: { conditions, mainFields: ['main'] },
  // As Node takes packages, which knows no `module` in a package.json.
  ssr: { resolve: { conditions, mainFields: ['main'] } },
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Many tests wait for a disk or another program: one more than there are processors.
    maxWorkers: availableParallelism() + 1,
    // A worker that goes on with the next file has our packages loaded already.
    isolate: false,
    sequence: { sequencer: LongProjectsFirst },
    projects: globSync('{packages,apps}/*', { cwd: import.meta.dirname })
      .concat('examples', 'tools')
      .filter((root) => only === undefined || basename(root) === only)
      .map((root) => ({ extends: true as const, test: { name: basename(root), root } })),
  },
});
