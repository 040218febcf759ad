import type { Plugin } from 'rolldown';

/** Parts of Node that most commands go without, and that take milliseconds to load. */
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
      const found: Record<string, unknown> = await import(`node:${name}`);
      const members = Object.keys(found).filter((key) => key !== 'default');
      return `
        const module = () => process.getBuiltinModule('node:${name}');
        const standIn = (key) => new Proxy(function () {}, {
          apply: (_target, self, args) => Reflect.apply(module()[key], self, args),
          construct: (_target, args) => Reflect.construct(module()[key], args),
          get: (_target, inner) => module()[key][inner],
        });
        ${members.map((key) => `export const ${key} = /* @__PURE__ */ standIn('${key}');`).join('\n')}`;
    },
  };
}
