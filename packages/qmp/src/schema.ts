import * as v from 'valibot';
import { QmpError } from './errors.ts';
import { isJsonObject, type JsonObject } from './json/json-value.ts';

const WHOLE_NUMBER = 'expects uint64';
const IN_RANGE = 'expects uint32_t';
const INTEGER = 'expected: integer';
const ALTERNATE = 'alternate ';

/** One of these strings. */
export function choice<const T extends readonly [string, ...string[]]>(values: T) {
  return v.pipe(v.string(), v.picklist(values));
}

/** An unsigned 32-bit integer, with QEMU's two ways of refusing what is none. */
export const uint32 = v.pipe(
  v.custom<number | bigint>(
    (value) => typeof value === 'bigint' || Number.isInteger(value),
    WHOLE_NUMBER,
  ),
  v.check((value) => value >= 0 && value <= 0xffff_ffff, IN_RANGE),
  v.transform(Number),
);

/** A signed 64-bit integer. */
export const int64 = v.pipe(
  v.custom<number | bigint>(
    (value) => typeof value === 'bigint' || Number.isInteger(value),
    INTEGER,
  ),
  v.check((value) => value >= -(2n ** 63n) && value < 2n ** 63n, INTEGER),
  v.transform(Number),
);

export type Never = v.GenericSchema<unknown, never>;

/** Never right: says what is wrong with the member that decides about the others. */
export function anyWith(member: string, values: readonly [string, ...string[]]): Never {
  return v.pipe(
    v.custom<object>((value) => isJsonObject(value)),
    v.looseObject({ [member]: choice(values) }),
    v.transform((): never => {
      throw new TypeError(`a schema of its own is missing for '${member}'`);
    }),
  );
}

/** An object with these members and no others. */
export function members<const T extends v.ObjectEntries>(entries: T) {
  const known = knownKeys(entries);
  return v.pipe(
    v.custom<object>((value) => isJsonObject(value)),
    v.strictObject(entries, ({ expected }) => (expected === 'never' ? known : 'expected object')),
  );
}

/** What is said of a key that is none of these, for who looks for what was meant. */
export function knownKeys(entries: object): string {
  return `known keys: ${Object.keys(entries).join(', ')}`;
}

/** Either a string or an object: what qapi calls an alternate, by its name there. */
export function stringOr<T extends v.GenericSchema>(name: string, other: T) {
  const neither = v.custom<never>(() => false, `${ALTERNATE}${name}`);
  return v.lazy((value): v.GenericSchema<unknown, string | v.InferOutput<T>> => {
    if (typeof value === 'string') return v.string();
    return isJsonObject(value) ? other : neither;
  });
}

/** @throws QmpError in QEMU's words, about the first thing that is wrong */
export function parseArguments<T extends v.GenericSchema>(
  schema: T,
  value: JsonObject,
): v.InferOutput<T> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  throw new QmpError('GenericError', describe(result.issues[0]));
}

function describe(issue: v.BaseIssue<unknown>): string {
  const path = issue.path ?? [];
  const name = pathName(path);
  const last = path.at(-1);
  if (issue.received === 'undefined') return `Parameter '${name}' is missing`;
  const isChoice = issue.type === 'picklist' || (issue.type === 'variant' && last?.key === 'type');
  if (isChoice) {
    const member = last?.type === 'array' ? 'null' : String(last?.key);
    return `Parameter '${member}' does not accept value '${String(issue.input)}'`;
  }
  if (issue.expected === 'never') return `Parameter '${name}' is unexpected`;
  if (issue.message === WHOLE_NUMBER || issue.message === IN_RANGE) {
    return `Parameter '${name}' ${issue.message}`;
  }
  if (issue.message === INTEGER) return `Invalid parameter type for '${name}', ${INTEGER}`;
  if (issue.message.startsWith(ALTERNATE)) {
    const kind = issue.message.slice(ALTERNATE.length);
    const member = last?.type === 'array' ? 'null' : name;
    return `Invalid parameter type for '${member}', expected: ${kind}`;
  }
  const expected = ['string', 'boolean', 'array'].includes(issue.type) ? issue.type : 'object';
  return `Invalid parameter type for '${name}', expected: ${expected}`;
}

function pathName(path: readonly v.IssuePathItem[]): string {
  let name = '';
  for (const { type, key } of path) {
    if (type === 'array') name += `[${String(key)}]`;
    else name += name === '' ? String(key) : `.${String(key)}`;
  }
  return name;
}
