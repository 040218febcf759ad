import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

// Sources of sibling packages run directly: no build is needed to test a package.
const conditions = [
  '@tidemark/source',
  ...defaultServerConditions.filter((name) => name !== 'module'),
];

export default defineConfig({
  resolve: { conditions, mainFields: ['main'] },
  // As Node takes packages, which knows no `module` in a package.json.
  ssr: { resolve: { conditions, mainFields: ['main'] } },
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // By default one processor is left idle, which on two is half of them.
    maxWorkers: '100%',
    projects: globSync('{packages,apps}/*', { cwd: import.meta.dirname })
      .concat('examples', 'tools')
      .map((root) => ({ extends: true as const, test: { name: basename(root), root } })),
  },
});
