import { defineConfig, type Plugin } from 'rolldown';

/**
 * Parts of Node that are there when it starts. An `import` of them is dear all the same: it reads each
 * of their members, and `fs` loads streams and promises then.
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
function partsOfNode(): Plugin {
  return {
    name: 'parts-of-node',
    resolveId(source, _importer, { kind }) {
      const name = source.replace(/^node:/, '');
      const isOurs = AT_HAND.includes(name) || SELDOM.includes(name);
      return kind === 'import-statement' && isOurs ? `${PREFIX}${name}` : null;
    },
    async load(id) {
      if (!id.startsWith(PREFIX)) return null;
      const name = id.slice(PREFIX.length);
      const found: Record<string, unknown> = await import(`node:${name}`);
      const members = Object.keys(found).filter((key) => key !== 'default');
      const take = AT_HAND.includes(name) ? 'member' : 'standIn';
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

// Few files, for each costs at every start; commands that are seldom called are files of their own.
export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  plugins: [partsOfNode()],
  resolve: { conditionNames: ['@tidemark/source', 'node', 'import', 'default'] },
  output: {
    dir: 'dist',
    format: 'esm',
    cleanDir: true,
    sourcemap: false,
    // Flat: package.json is found one folder above whichever file asks for it.
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    // The parser's errors are told apart by the names of their classes.
    minify: { compress: false, mangle: { keepNames: true }, codegen: true },
    codeSplitting: {
      groups: [
        {
          name: 'images',
          test: /packages\/(core|block|qcow2|store-qcow2|program|img\/src\/(open|text|[\w-]+\.ts|commands\/(read-arguments|output-format|cache-mode)))/,
        },
      ],
    },
  },
});
