import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseAst } from 'vite';
import { ROOT } from '../../docs/pages.ts';

/** A name that a module exports, and how it is declared. */
export interface Declared {
  readonly name: string;
  readonly kind: 'class' | 'function' | 'type' | 'constant';
  /** The comment before it, without its frame. */
  readonly doc: string;
  readonly code: string;
}

type Statement = ReturnType<typeof parseAst>['body'][number];
type Parts = Pick<Declared, 'doc' | 'code' | 'kind'>;

/** What a module of a build (`.d.ts`) exports, by name, through whatever files it goes. */
export function exportsOf(file: string): readonly Declared[] {
  const text = readFileSync(file, 'utf8');
  const all: Declared[] = [];
  for (const statement of parseAst(text, { lang: 'dts' }).body) {
    if (statement.type !== 'ExportNamedDeclaration') continue;
    if (statement.source !== null) {
      const from = exportsOf(resolveModule(file, statement.source.value));
      for (const { local, exported, exportKind } of statement.specifiers) {
        const found = from.filter(({ name }) => name === nameOf(local));
        // A class whose type alone is exported cannot be made by others.
        const isType = exportKind === 'type' || statement.exportKind === 'type';
        const as = { name: nameOf(exported), ...(isType && { kind: 'type' as const }) };
        all.push(...found.map((one) => ({ ...one, ...as })));
      }
    } else if (statement.declaration !== null) {
      const names = declaredNames(statement.declaration);
      all.push(...names.map((name) => ({ name, ...partsOf(text, statement) })));
    }
  }
  return all;
}

/** Declarations are of a file beside, or of another package of the workspace. */
function resolveModule(from: string, source: string): string {
  const name = /^@tidemark\/([\w-]+)$/.exec(source)?.[1];
  if (name !== undefined) return `${ROOT}packages/${name}/dist/index.d.ts`;
  return join(dirname(from), source.replace(/\.ts$/, '.d.ts'));
}

function nameOf(node: { readonly type: string }): string {
  const { name, value } = node as { readonly name?: string; readonly value?: string };
  return name ?? value!;
}

function declaredNames(declaration: object): readonly string[] {
  const { id, declarations } = declaration as {
    readonly id?: { readonly name: string };
    readonly declarations?: readonly { readonly id: { readonly name: string } }[];
  };
  return declarations?.map((one) => one.id.name) ?? [id!.name];
}

function partsOf(text: string, statement: Statement): Parts {
  const code = text.slice(statement.start, statement.end);
  const comment = /\/\*\*((?:[^*]|\*(?!\/))*)\*\/\s*$/.exec(text.slice(0, statement.start))?.[1];
  const doc = (comment ?? '').replaceAll(/^\s*\* ?/gm, '').trim();
  return { doc, code: withoutPrivate(code), kind: kindOf(code) };
}

function kindOf(code: string): Declared['kind'] {
  const words = /^export (?:declare )?(?:abstract )?(\w+)/.exec(code)?.[1];
  if (words === 'class' || words === 'function') return words;
  return words === 'interface' || words === 'type' ? 'type' : 'constant';
}

function withoutPrivate(code: string): string {
  return code.replaceAll(/^ *(?:#private;|private .*;)\n/gm, '').replaceAll(/^ {4}/gm, '  ');
}
