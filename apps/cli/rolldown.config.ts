import {
  type ChunkingContext,
  type CodeSplittingGroup,
  defineConfig,
  type OutputOptions,
  type Plugin,
  type RolldownOptions,
} from 'rolldown';
import { commonJsFolder } from '../../tools/bundle/commonjs-folder.ts';
import { licences } from '../../tools/bundle/licences.ts';
import { partsOfNode } from '../../tools/bundle/parts-of-node.ts';
import { seldomLoaded } from '../../tools/bundle/seldom-loaded.ts';
import { COMMON, FOLDER, MINIFY } from '../../tools/bundle/program-options.ts';
import { statedVersion } from '../../tools/bundle/stated-version.ts';
import { launcher } from './launcher.ts';
import { MERGES, SELDOM } from './seldom.ts';
import { IMG_COMMANDS } from './src/img-commands.ts';

/** What a command of `tidemark img` always needs is one file; what it seldom loads lies in this folder. */
const LATER = 'later';

/** The program of one command of `tidemark img`. */
function imgProgram(command: string): Plugin {
  const id = `img:${command}`;
  return {
    name: 'img-program',
    resolveId: (source) => (source === id ? { id, moduleSideEffects: true } : null),
    load: (source) =>
      source !== id
        ? null
        : `import { ${command} } from '@tidemark/img/commands/${command}';
           import { imgProgram } from '${import.meta.dirname}/src/img-program.ts';
           export const run = imgProgram(${command});`,
  };
}

/** One file, CommonJS: loaded in half the time that modules take. */
function alone(file: string, options: RolldownOptions): RolldownOptions {
  const output: OutputOptions = {
    ...{
      file: `dist/${file}.js`,
      format: 'cjs',
      strict: true,
      codeSplitting: false,
      minify: MINIFY,
    },
  };
  // What is loaded late elsewhere is in this file as well, and run late.
  const checks = { ineffectiveDynamicImport: false };
  return { ...COMMON, checks, ...options, output };
}

/** Of commands that copy nothing. */
function later(command: string): readonly Plugin[] {
  if (!['bitmap', 'check', 'info', 'snapshot'].includes(command)) return [];
  return [
    seldomLoaded({ sources: SELDOM, file: `${LATER}/${command}-seldom.js` }),
    seldomLoaded({ sources: MERGES, file: `${LATER}/${command}-merges.js` }),
  ];
}

/** All that a program loads before it does anything, in one file: each file costs at every start. */
function atOnce(entry: string): CodeSplittingGroup {
  let needed: ReadonlySet<string> | undefined;
  return {
    name: (id, context) => ((needed ??= loadedWith(entry, context)).has(id) ? 'at-once' : null),
    includeDependenciesRecursively: false,
  };
}

/** Modules that are imported from the first one on, but for those that are loaded later. */
function loadedWith(entry: string, context: ChunkingContext): ReadonlySet<string> {
  const found = new Set([entry]);
  for (const id of found) {
    for (const next of context.getModuleInfo(id)?.importedIds ?? []) found.add(next);
  }
  return found;
}

/** What every command needs: it must need nothing else. */
const BASE = new RegExp(
  [
    'part-of-node:',
    'packages/program/src/(exit-codes|package-version|printable|recent-node|report-error|sizes|to-its-end|usual-hints)\\.ts',
    'packages/core/src/(errors|limits)\\.ts',
    'packages/block/src/(io-error|locks/look-ahead)\\.ts',
  ].join('|'),
);

const version = statedVersion(import.meta.dirname);

export default defineConfig([
  {
    ...COMMON,
    input: 'src/start.ts',
    plugins: [partsOfNode(), version, commonJsFolder(), licences(import.meta.dirname)],
    output: {
      ...FOLDER,
      // Few files, for each costs at every start; commands that are seldom called are files of their own.
      codeSplitting: {
        groups: [
          {
            name: 'base',
            test: BASE,
            includeDependenciesRecursively: false,
          },
          {
            name: 'images',
            test: /packages\/(core|block|qcow2|store-qcow2|img\/src\/(open|text|[\w-]+\.ts|commands\/(read-arguments|output-format|cache-mode)))/,
          },
        ],
      },
    },
  },
  // Started for each small step of somebody's script: nothing is loaded that the command has no use for.
  ...IMG_COMMANDS.map((command) => ({
    ...COMMON,
    input: { [command]: `img:${command}` },
    preserveEntrySignatures: 'allow-extension' as const,
    plugins: [imgProgram(command), version, partsOfNode(), ...later(command)],
    output: {
      ...FOLDER,
      dir: 'dist/img',
      cleanDir: false,
      chunkFileNames: `${LATER}/${command}-[name].js`,
      codeSplitting: { groups: [atOnce(`img:${command}`)] },
    },
  })),
  alone('main', { input: 'src/main.ts', external: ['./start.js'], plugins: [launcher()] }),
]);
