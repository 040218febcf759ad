import { cpSync, existsSync } from 'node:fs';
import { defineConfig } from 'rolldown';
import { commonJsFolder } from '../../tools/bundle/commonjs-folder.ts';
import { licences } from '../../tools/bundle/licences.ts';
import { partsOfNode } from '../../tools/bundle/parts-of-node.ts';
import { statedVersion } from '../../tools/bundle/stated-version.ts';

const DASHBOARD = new URL('../dashboard/dist', import.meta.url);

// One file and what it loads later: a program of hundreds of files takes several times as long to start.
export default defineConfig({
  input: 'src/main.ts',
  plugins: [
    partsOfNode(),
    statedVersion(import.meta.dirname),
    commonJsFolder(),
    licences(import.meta.dirname),
    {
      name: 'dashboard',
      writeBundle() {
        if (!existsSync(DASHBOARD)) return;
        cpSync(DASHBOARD, new URL('dist/dashboard', import.meta.url), { recursive: true });
      },
    },
  ],
  platform: 'node',
  // What is loaded late by one part may be loaded at once by another.
  checks: { ineffectiveDynamicImport: false },
  resolve: { conditionNames: ['@tidemark/source', 'node', 'import', 'default'] },
  output: {
    dir: 'dist',
    // Loaded in half the time that modules take.
    format: 'cjs',
    cleanDir: true,
    sourcemap: false,
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    codeSplitting: {
      groups: [
        // What reads the command line.
        { name: 'start', tags: ['$initial'] },

        // What is shared with parts that are loaded later is one file, or each start would load several.
        { name: 'common', minShareCount: 2, includeDependenciesRecursively: false },
      ],
    },
    minify: { compress: false, mangle: { keepNames: true }, codegen: true },
  },
});
