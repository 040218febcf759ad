import { defineConfig, type OutputOptions, type Plugin, type RolldownOptions } from 'rolldown';
import { IMG_COMMANDS } from './src/img-commands.ts';

/**
 * Parts of Node that are there when it starts. An `import` of them is dear all the same: it reads each
 * of their members, and `fs` loads streams and promises then. `require` does not.
 */
const AT_HAND = ['buffer', 'fs', 'path', 'url', 'util'];
/** Those that most commands go without, and that take milliseconds to load. */
const SELDOM = [
  'child_process',
  'crypto',
  'fs/promises',
  'net',
  'os',
  'perf_hooks',
  'timers/promises',
  'zlib',
];
const PREFIX = '\0part-of-node:';

/** The members that are used, and of what is seldom needed only when one of them is called. */
function partsOfNode(atHand: readonly string[] = []): Plugin {
  return {
    name: 'parts-of-node',
    resolveId(source, _importer, { kind }) {
      const name = source.replace(/^node:/, '');
      const isOurs = atHand.includes(name) || SELDOM.includes(name);
      return kind === 'import-statement' && isOurs ? `${PREFIX}${name}` : null;
    },
    async load(id) {
      if (!id.startsWith(PREFIX)) return null;
      const name = id.slice(PREFIX.length);
      const found: Record<string, unknown> = await import(`node:${name}`);
      const members = Object.keys(found).filter((key) => key !== 'default');
      const take = atHand.includes(name) ? 'member' : 'standIn';
      return `
        const module = () => process.getBuiltinModule('node:${name}');
        const member = (key) => module()[key];
        const standIn = (key) => new Proxy(function () {}, {
          apply: (_target, self, args) => Reflect.apply(module()[key], self, args),
          construct: (_target, args) => Reflect.construct(module()[key], args),
          get: (_target, inner) => module()[key][inner],
        });
        ${members.map((key) => `export const ${key} = /* @__PURE__ */ ${take}('${key}');`).join('\n')}`;
    },
  };
}

/** Tells Node what the files beside it are: the package's own sources are modules. */
function commonJsFolder(): Plugin {
  return {
    name: 'commonjs-folder',
    generateBundle() {
      const source = `${JSON.stringify({ type: 'commonjs' })}\n`;
      this.emitFile({ type: 'asset', fileName: 'package.json', source });
    },
  };
}

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

// The parser's errors are told apart by the names of their classes.
const minify = {
  compress: false,
  mangle: { keepNames: true },
  codegen: true,
};
const common: RolldownOptions = {
  platform: 'node',
  resolve: { conditionNames: ['@tidemark/source', 'node', 'import', 'default'] },
};

/** One file, CommonJS: loaded in half the time that modules take. */
function alone(file: string, options: RolldownOptions): RolldownOptions {
  const output: OutputOptions = {
    ...{ file: `dist/${file}.js`, format: 'cjs', strict: true, codeSplitting: false, minify },
  };
  // What is loaded late elsewhere is in this file as well, and run late.
  const checks = { ineffectiveDynamicImport: false };
  return { ...common, checks, ...options, output };
}

export default defineConfig([
  {
    ...common,
    input: 'src/start.ts',
    plugins: [partsOfNode(AT_HAND), commonJsFolder()],
    output: {
      dir: 'dist',
      format: 'esm',
      cleanDir: true,
      // Flat: package.json is found one folder above whichever file asks for it.
      entryFileNames: '[name].mjs',
      chunkFileNames: '[name]-[hash].mjs',
      minify,
      // Few files, for each costs at every start; commands that are seldom called are files of their own.
      codeSplitting: {
        groups: [
          {
            name: 'images',
            test: /packages\/(core|block|qcow2|store-qcow2|program|img\/src\/(open|text|[\w-]+\.ts|commands\/(read-arguments|output-format|cache-mode)))/,
          },
        ],
      },
    },
  },
  // Started for each small step of somebody's script: nothing is loaded that the command has no use for.
  ...IMG_COMMANDS.map((command) =>
    alone(`img/${command}`, {
      input: `img:${command}`,
      plugins: [imgProgram(command), partsOfNode()],
    }),
  ),
  alone('main', { input: 'src/main.ts', external: ['./start.mjs'] }),
]);
