import { defineConfig, type Plugin } from 'rolldown';

/** Parts of Node that most commands go without, and that take milliseconds to load. */
const SELDOM = ['child_process', 'crypto', 'net', 'timers/promises', 'zlib'];
const PREFIX = '\0seldom:';

/** Loads them when one of their functions is first called, and not when the program starts. */
function seldomNeeded(): Plugin {
  return {
    name: 'seldom-needed',
    resolveId(source, _importer, { kind }) {
      const name = source.replace(/^node:/, '');
      return kind === 'import-statement' && SELDOM.includes(name) ? `${PREFIX}${name}` : null;
    },
    async load(id) {
      if (!id.startsWith(PREFIX)) return null;
      const name = id.slice(PREFIX.length);
      const found: Record<string, unknown> = await import(`node:${name}`);
      const stands = Object.keys(found)
        .filter((key) => key !== 'default')
        .map((key) => `export const ${key} = standIn('${key}');`);
      return `
        const module = () => process.getBuiltinModule('node:${name}');
        const standIn = (key) => new Proxy(function () {}, {
          apply: (_target, self, args) => Reflect.apply(module()[key], self, args),
          construct: (_target, args) => Reflect.construct(module()[key], args),
          get: (_target, member) => module()[key][member],
        });
        ${stands.join('\n')}`;
    },
  };
}

// Few files, for each costs at every start; commands that are seldom called are files of their own.
export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  plugins: [seldomNeeded()],
  resolve: { conditionNames: ['@tidemark/source', 'node', 'import', 'default'] },
  output: {
    dir: 'dist',
    format: 'esm',
    cleanDir: true,
    sourcemap: false,
    // Flat: package.json is found one folder above whichever file asks for it.
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    minify: { compress: false, mangle: false, codegen: true },
    codeSplitting: {
      groups: [
        {
          name: 'images',
          test: /packages\/(core|block|qcow2|store-qcow2|img\/src\/(open|text))\//,
        },
        { name: 'program', test: /packages\/program\// },
      ],
    },
  },
});
