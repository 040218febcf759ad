import { parseSize } from '@tidemark/program';
import { knownKeys } from '@tidemark/qmp';
import * as v from 'valibot';

// Kinds of values. The message of each says what is expected, in errors and in the manual alike.

/** A key with what the manual says of it. `preset`: what holds where it is left out. */
export function key<T extends v.GenericSchema>(schema: T, text: string, preset?: string) {
  const kind: unknown = Reflect.get(v.getMetadata(schema), 'kind');
  return v.pipe(schema, v.metadata({ kind, text, ...(preset !== undefined && { preset }) }));
}

/** One that may be left out. */
export function optional<T extends v.GenericSchema>(schema: T, text: string, preset?: string) {
  return v.exactOptional(key(schema, text, preset));
}

/** Says what is expected where the schema cannot. */
export function ofKind<T extends v.GenericSchema>(kind: string, schema: T) {
  return v.pipe(schema, v.metadata({ kind }));
}

/** Text of this form. */
export function matching(pattern: RegExp, expected: string) {
  return ofKind(expected, v.pipe(v.string(expected), v.regex(pattern, expected)));
}

const TEXT = 'a text that is not empty';
export const text = ofKind(TEXT, v.pipe(v.string(TEXT), v.nonEmpty(TEXT)));

const PATH = 'an absolute path';
export const path = ofKind(PATH, v.pipe(v.string(PATH), v.startsWith('/', PATH)));

const FLAG = 'true or false';
export const flag = ofKind(FLAG, v.boolean(FLAG));

const SIZE = 'a size, as 65536, 64K or 1G';
/** Bytes. */
export const size = v.pipe(
  v.union([v.number(), v.string()], SIZE),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const bytes = sizeOf(dataset.value);
    if (bytes !== undefined) return bytes;
    addIssue({ message: SIZE });
    return NEVER;
  }),
  v.metadata({ kind: SIZE }),
);

const GRANULARITY = 'a power of two from 512 to 2G';
/** Bytes to a bit. */
export const granularity = v.pipe(
  v.union([v.number(), v.string()], GRANULARITY),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const bytes = sizeOf(dataset.value);
    if (bytes !== undefined && bytes >= 512 && bytes <= 2 ** 31 && isPowerOfTwo(bytes))
      return bytes;
    addIssue({ message: GRANULARITY });
    return NEVER;
  }),
  v.metadata({ kind: GRANULARITY }),
);

const MODE = 'octal digits in quotes, as "0660"';
export const mode = v.pipe(
  v.string(MODE),
  v.regex(/^0?[0-7]{3}$/, MODE),
  v.transform((digits) => Number.parseInt(digits, 8)),
  v.metadata({ kind: MODE }),
);

export function count(least: number, most: number) {
  const expected = `a whole number from ${least} to ${most}`;
  return v.pipe(
    v.number(expected),
    v.integer(expected),
    v.minValue(least, expected),
    v.maxValue(most, expected),
    v.metadata({ kind: expected }),
  );
}

export function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  const expected = `one of ${values.join(', ')}`;
  return ofKind(expected, v.picklist(values, expected));
}

const MAPPING = 'a mapping of keys';
const NAMES = 'a mapping of names';

/** Keys and no others. */
export function mapping<const T extends v.ObjectEntries>(entries: T) {
  const known = knownKeys(entries);
  return v.pipe(
    v.custom<object>(isMapping, MAPPING),
    v.strictObject(entries, ({ expected }) => (expected === 'never' ? known : MAPPING)),
    v.metadata({ kind: MAPPING }),
  );
}

/** One after the other. */
export function list<T extends v.GenericSchema>(schema: T, expected: string) {
  return ofKind(expected, v.array(schema, expected));
}

/** A mapping whose keys the user chooses. */
export function named<T extends v.GenericSchema>(schema: T, pattern: RegExp, expected: string) {
  return v.pipe(
    v.custom<object>(isMapping, NAMES),
    v.record(v.pipe(v.string(), v.regex(pattern, expected)), schema, NAMES),
    v.metadata({ kind: NAMES }),
  );
}

function sizeOf(value: unknown): number | undefined {
  try {
    return parseSize(String(value));
  } catch {
    return undefined;
  }
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value));
}

function isMapping(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const ID: RegExp = /^[A-Za-z][A-Za-z0-9._-]{0,30}$/;
export const ID_EXPECTED = 'a name of at most 31 letters, digits, - . _ that begins with a letter';
