import { cpSync, existsSync } from 'node:fs';
import { defineConfig } from 'rolldown';
import { commonJsFolder } from '../../tools/bundle/commonjs-folder.ts';
import { licences } from '../../tools/bundle/licences.ts';
import { partsOfNode } from '../../tools/bundle/parts-of-node.ts';
import { COMMON, FOLDER, MINIFY } from '../../tools/bundle/program-options.ts';
import { statedVersion } from '../../tools/bundle/stated-version.ts';

const DASHBOARD = new URL('../dashboard/dist', import.meta.url);

/** What reads the command line, and needs nothing else. */
const BASE = new RegExp(
  [
    'part-of-node:',
    'packages/program/src/',
    'packages/core/src/(errors|limits)\\.ts',
    'apps/daemon/src/(start|daemon|help|options/|config/config-error)',
  ].join('|'),
);

export default defineConfig([
  {
    ...COMMON,
    input: 'src/start.ts',
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
    // What is loaded late by one part may be loaded at once by another.
    checks: { ineffectiveDynamicImport: false },
    output: {
      ...FOLDER,
      // Few files: a program of hundreds takes several times as long to start.
      codeSplitting: {
        groups: [
          { name: 'base', test: BASE, includeDependenciesRecursively: false },
          // What is shared with parts that are loaded later is one file, or each start would load several.
          { name: 'common', minShareCount: 2, includeDependenciesRecursively: false },
        ],
      },
    },
  },
  {
    ...COMMON,
    input: 'src/main.ts',
    external: ['./start.js'],
    output: {
      file: 'dist/main.js',
      format: 'cjs',
      strict: true,
      codeSplitting: false,
      minify: MINIFY,
    },
  },
]);
