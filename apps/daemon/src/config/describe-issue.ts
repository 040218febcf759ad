import type * as v from 'valibot';
import type { ConfigDocument } from './document.ts';
import { nearest } from './nearest.ts';

const LONGEST_SHOWN = 40;

/** `FILE:LINE:COLUMN: KEY: what is wrong`, and what was meant where that can be guessed. */
export function describeIssue(issue: v.BaseIssue<unknown>, document: ConfigDocument): string {
  const path = (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)));
  const last = issue.path?.at(-1);
  const name = nameOf(path);
  const isOfKey = last !== undefined && 'origin' in last && last.origin === 'key';
  const at = (of: 'value' | 'key') =>
    `${document.place(path, of)}: ${name === '' ? '' : `${name}: `}`;
  if (isUnknownKey(issue)) {
    const known = namesOf(issue);
    const meant = nearest(String(path.at(-1)), known);
    const guess = meant === undefined ? `use ${known.join(', ')}` : `did you mean '${meant}'?`;
    return `${at('key')}this key is not known: ${guess}`;
  }
  if (isOfKey && issue.received === 'undefined') {
    return `${document.place(path.slice(0, -1))}: ${name}: this key is missing`;
  }
  const expected = expectedOf(issue);
  return `${at(isOfKey ? 'key' : 'value')}expected ${expected}, found ${shown(issue.input)}`;
}

/** As it is written in the manual: `exports.vm.bitmaps[0]`. */
export function nameOf(path: readonly (string | number)[]): string {
  return path.reduce<string>((name, key) => {
    if (typeof key === 'number') return `${name}[${key}]`;
    return name === '' ? key : `${name}.${key}`;
  }, '');
}

function isUnknownKey({ type, expected }: v.BaseIssue<unknown>): boolean {
  return type === 'strict_object' && expected === 'never';
}

function namesOf({ message }: v.BaseIssue<unknown>): readonly string[] {
  return message.replace(/^known keys: /, '').split(', ');
}

function expectedOf({ message, expected, type }: v.BaseIssue<unknown>): string {
  // Schemas that this one borrows from QMP have messages of the library's own.
  if (!message.startsWith('Invalid ')) return message.replace(/^expect(s|ed:?) /, '');
  if (type === 'picklist')
    return `one of ${(expected ?? '').replaceAll(/[()"]/g, '').replaceAll(' | ', ', ')}`;
  return expected ?? message;
}

function shown(input: unknown): string {
  if (input === null || input === undefined) return 'nothing';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object') return 'a mapping';
  if (typeof input !== 'string') return JSON.stringify(input) ?? typeof input;
  const text = input.length > LONGEST_SHOWN ? `${input.slice(0, LONGEST_SHOWN)}...` : input;
  return `'${text}'`;
}
