import { readFileSync } from 'node:fs';
import type { Plugin } from 'rolldown';

const EXPORT = /^export (?:async )?(?:function\*?|class) (\w+)/gm;
/** What a stand-in can do nothing for: a value is there or not. */
const VALUE = /^export (?:const|let|\*|\{)/m;

export interface SeldomLoaded {
  /** Paths of sources that export functions and classes only. */
  readonly sources: readonly string[];
  /** The built file that they go into, seen from the folder of the program. */
  readonly file: string;
}

/** Puts sources that most runs go without into a file of their own: it is loaded when one of them is called. */
export function seldomLoaded({ sources, file }: SeldomLoaded): Plugin {
  const entry = `\0${file}`;
  const shared = `\0${file}:loader`;
  const prefix = `\0${file}:for:`;
  const isSeldom = (id: string) => sources.includes(id);
  const names = (id: string) =>
    exportsOf(id).map((name) => [name, `${name}$${sources.indexOf(id)}`]);
  return {
    name: `seldom-loaded:${file}`,
    buildStart() {
      this.emitFile({ type: 'chunk', id: entry, fileName: file });
    },
    async resolveId(source, importer, options) {
      if (source === entry || source === shared) return { id: source, moduleSideEffects: false };
      if (source === `./${file}`) return { id: source, external: true };
      if (importer === undefined || importer === entry || importer.startsWith(prefix)) return null;
      const found = await this.resolve(source, importer, { ...options, skipSelf: true });
      if (found === null || !isSeldom(found.id) || isSeldom(importer)) return found;
      return { id: `${prefix}${found.id}`, moduleSideEffects: false };
    },
    load(id) {
      if (id === entry) {
        return sources
          .map((path) => `export { ${renamed(names(path))} } from '${path}';`)
          .join('\n');
      }
      if (id === shared) return loader(file);
      if (!id.startsWith(prefix)) return null;
      const lines = names(id.slice(prefix.length)).map(
        ([name, key]) => `export const ${name} = /* @__PURE__ */ standIn('${key}');`,
      );
      return [`import { standIn } from '${shared}';`, ...lines].join('\n');
    },
  };
}

function exportsOf(path: string): readonly string[] {
  const text = readFileSync(path, 'utf8');
  if (VALUE.test(text)) throw new Error(`${path} exports more than functions and classes`);
  return [...text.matchAll(EXPORT)].map(([, name]) => name!);
}

const renamed = (names: readonly (readonly string[])[]) =>
  names.map((name) => name.join(' as ')).join(', ');

const loader = (file: string) => `
  const loaded = () => require('./${file}');
  export const standIn = (key) => {
    const self = new Proxy(function () {}, {
      apply: (_target, it, args) => Reflect.apply(loaded()[key], it, args),
      construct: (_target, args, made) =>
        Reflect.construct(loaded()[key], args, made === self ? loaded()[key] : made),
      get: (_target, inner) => loaded()[key][inner],
    });
    return self;
  };`;
