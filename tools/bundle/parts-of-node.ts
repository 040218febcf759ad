import type { Plugin } from 'rolldown';

/** Parts of Node that most commands go without, and that take milliseconds to load. */
const SELDOM = [
  'child_process',
  'crypto',
  'dns/promises',
  'fs/promises',
  'http',
  'https',
  'net',
  'os',
  'perf_hooks',
  'readline',
  'stream/promises',
  'timers/promises',
  'tls',
  'zlib',
];
const PREFIX = '\0part-of-node:';

/** Their members, each loaded only when it is called. */
export function partsOfNode(): Plugin {
  return {
    name: 'parts-of-node',
    resolveId(source, _importer, { kind }) {
      const name = source.replace(/^node:/, '');
      return kind === 'import-statement' && SELDOM.includes(name) ? `${PREFIX}${name}` : null;
    },
    async load(id) {
      if (!id.startsWith(PREFIX)) return null;
      const name = id.slice(PREFIX.length);
      const { default: _all, ...found }: Record<string, unknown> = await import(`node:${name}`);
      return `
        const module = () => process.getBuiltinModule('node:${name}');
        const standIn = (key) => {
          const self = new Proxy(function () {}, {
            apply: (_target, it, args) => Reflect.apply(module()[key], it, args),
            construct: (_target, args, made) =>
              Reflect.construct(module()[key], args, made === self ? module()[key] : made),
            get: (_target, inner) => module()[key][inner],
          });
          return self;
        };
        export default /* @__PURE__ */ new Proxy({}, { get: (_target, key) => module()[key] });
        ${Object.entries(found).map(exported).join('\n')}`;
    },
  };
}

function exported([key, value]: readonly [string, unknown]): string {
  const isCode = typeof value === 'function' || typeof value === 'object';
  return `export const ${key} = /* @__PURE__ */ ${isCode ? `standIn('${key}')` : JSON.stringify(value)};`;
}
