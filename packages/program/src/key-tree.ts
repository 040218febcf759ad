import { TidemarkError } from '@tidemark/core';
import { splitAtCommas } from './key-values.ts';

/** What an option says, as JSON would. */
export interface OptionTree {
  readonly [key: string]: OptionValue;
}

/** A value of a key: what JSON has. */
export type OptionValue = string | number | boolean | null | readonly OptionValue[] | OptionTree;

type Branch = Map<string, string | Branch>;

interface ParseTreeOptions {
  /** Key of a first part without one: QEMU's implied key. */
  readonly implied?: string;
  /** What texts under keys of these names are; other texts stay texts. */
  readonly types: Readonly<Record<string, 'flag' | 'integer'>>;
}

const FLAGS: Readonly<Record<string, boolean>> = {
  on: true,
  yes: true,
  true: true,
  off: false,
  no: false,
  false: false,
};

/** Deeper than anybody writes. */
const MAX_DEPTH = 64;

/**
 * An option as QEMU's newer ones are written: JSON, or `a=1,b.c=two,d.0=three`, where dots make
 * objects and numbers lists; a comma in a value is doubled. @throws USAGE
 */
export function parseOptionTree(
  option: string,
  text: string,
  { implied, types }: ParseTreeOptions,
): OptionTree {
  if (text.trimStart().startsWith('{')) return parseJson(option, text);
  const root: Branch = new Map();
  for (const [index, part] of splitAtCommas(text).entries()) {
    const at = part.indexOf('=');
    const isImplied = at < 0 && index === 0 && implied !== undefined;
    if (at < 0 && !isImplied) throw problem(option, `'${part}' has no value`);
    const key = isImplied ? implied : part.slice(0, at);
    put(option, root, key, isImplied ? part : part.slice(at + 1));
  }
  return treeOf(root, types);
}

function parseJson(option: string, text: string): OptionTree {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw problem(option, error instanceof Error ? error.message : String(error));
  }
}

function put(option: string, root: Branch, key: string, value: string): void {
  const parts = key.split('.');
  if (parts.length > MAX_DEPTH || parts.includes('')) throw problem(option, `unknown key '${key}'`);
  const last = parts.pop()!;
  let branch = root;
  for (const part of parts) {
    const next: string | Branch = branch.get(part) ?? new Map();
    if (typeof next === 'string') {
      throw problem(option, `'${key}' and '${part}' do not go together`);
    }
    branch.set(part, next);
    branch = next;
  }
  if (branch.has(last)) throw problem(option, `'${key}' is given twice`);
  branch.set(last, value);
}

function treeOf(branch: Branch, types: ParseTreeOptions['types']): OptionTree {
  return Object.fromEntries(
    Array.from(branch, ([key, value]) => [key, valueOf(key, value, types)]),
  );
}

function valueOf(
  key: string,
  value: string | Branch,
  types: ParseTreeOptions['types'],
): OptionValue {
  if (typeof value !== 'string') {
    const keys = [...value.keys()];
    const tree = treeOf(value, types);
    const isList = keys.every((each) => /^\d+$/.test(each) && Number(each) < keys.length);
    return isList ? keys.map((_, index) => tree[String(index)]!) : tree;
  }
  const type = Object.hasOwn(types, key) ? types[key] : undefined;
  // What is none stays a text, which whoever checks it refuses by name.
  if (type === 'flag') return Object.hasOwn(FLAGS, value) ? FLAGS[value]! : value;
  if (type === 'integer' && /^-?\d{1,15}$/.test(value)) return Number(value);
  return value;
}

function problem(option: string, text: string): TidemarkError {
  return new TidemarkError('USAGE', `${option}: ${text}`, {
    hint: `write ${option} key=value,key.key=value, or JSON`,
  });
}
