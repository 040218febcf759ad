import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonError } from '../src/json/json-error.ts';
import type { JsonValue } from '../src/json/json-value.ts';
import { JsonReader, type JsonReaderOptions } from '../src/json/reader.ts';
import { writeJson } from '../src/json/writer.ts';

function read(input: string | Uint8Array, options?: JsonReaderOptions): (JsonValue | JsonError)[] {
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  return [...new JsonReader(options).push(bytes)].map((item) =>
    item instanceof JsonError ? item : item.value,
  );
}

function errorsOf(input: string | Uint8Array, options?: JsonReaderOptions): string[] {
  return read(input, options).map((item) => (item instanceof JsonError ? item.message : 'a value'));
}

describe('JsonReader', () => {
  it.each<[string, JsonValue]>([
    [`{"a":[1,{"b":-2}]}`, { a: [1, { b: -2 }] }],
    [`{'it''s':1}`.replace("''", "\\'"), { "it's": 1 }],
    [`["x\\n\\u00e9\\ud83d\\ude00\\/"]`, ['x\né😀/']],
    [`[12345678901234567890, -9223372036854775808]`, [12345678901234567890n, -(2n ** 63n)]],
    [`[123456789012345678901234567890]`, [1.2345678901234568e29]],
    [`[1.50, 1e3, -0, 0.1]`, [1.5, 1000, -0, 0.1]],
    [`[true, false, null]`, [true, false, null]],
    [`{"__proto__": 1}`, Object.fromEntries([['__proto__', 1]])],
  ])('reads %s', (text, value) => {
    expect(read(text)).toEqual([value]);
  });

  it('needs nothing between objects', () => {
    expect(read('{"a":1}{"b":2}[]{}')).toEqual([{ a: 1 }, { b: 2 }, [], {}]);
  });

  it.each([
    ['{"a":01}', "stray '01'"],
    ['{"a":-}', "stray '-}'"],
    ['{"a":#}', "stray '#'"],
    ['{"a":1 "b":2}', 'expected separator in dict'],
    ['{"a":1,}', 'expecting value'],
    ['{"a":9]', 'expected separator in dict'],
    ['[1 2]', 'expected separator in list'],
    ['{1:2}', 'key is not a string in object'],
    ['{"a" 2}', 'missing : in object pair'],
    ['{"a":1,"a":1}', 'duplicate key'],
    ['[foo]', "invalid keyword 'foo'"],
    ['["a\\qb"]', 'invalid escape sequence in string'],
    ['["a\\u12"]', '\\u12 is not a valid Unicode character'],
    ['["\\ud800"]', '\\ud800 is not a valid Unicode character'],
    ['{"a":\u0001}', "stray '\u0001'"],
    ['{"a":"b\nc"}', `stray '"b\n'`],
  ])('refuses %j and says why', (text, problem) => {
    expect(errorsOf(text)[0]).toBe(`JSON parse error, ${problem}`);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(errorsOf(Buffer.from('["\xc3("]', 'latin1'))).toEqual([
      'JSON parse error, invalid UTF-8 sequence in string',
    ]);
  });

  it('forgets a broken request when it is sent a control character', () => {
    const reader = new JsonReader();
    expect([...reader.push(Buffer.from('{"execute":'))]).toEqual([]);
    expect([...reader.push(Buffer.of(0xff))]).toHaveLength(1);
    expect([...reader.push(Buffer.from('{"a":1}'))]).toEqual([{ value: { a: 1 } }]);
  });

  it('stops at its limits, and goes on with the next line', () => {
    const large = `["${'x'.repeat(200)}"]\n{"a":1}`;
    expect(read(large, { maxSize: 100 }).slice(1)).toEqual([{ a: 1 }]);
    expect(errorsOf(large, { maxSize: 100 })[0]).toBe(
      'JSON parse error, token size limit exceeded',
    );
    expect(errorsOf('['.repeat(1025))).toEqual(['JSON parse error, nesting depth limit exceeded']);
    expect(read('['.repeat(1024) + ']'.repeat(1024))).toHaveLength(1);
  });

  it('reads the same however the bytes are cut', () => {
    const value = fc.jsonValue();
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 4 }),
        fc.infiniteStream(fc.nat(9)),
        (values, cuts) => {
          const wrapped = values.map((each) => ({ each: each as JsonValue }));
          const bytes = Buffer.from(wrapped.map(writeJson).join(''));
          const reader = new JsonReader();
          const got: JsonValue[] = [];
          for (let at = 0; at < bytes.length;) {
            const length = 1 + cuts.next().value;
            for (const item of reader.push(bytes.subarray(at, at + length))) {
              if (item instanceof JsonError) throw item;
              got.push(item.value);
            }
            at += length;
          }
          expect(got.map(writeJson)).toEqual(wrapped.map(writeJson));
        },
      ),
    );
  });

  it('takes any bytes without throwing, and is of use afterwards', () => {
    const mostlyJson = fc.constantFrom(...Buffer.from(`{}[]:,"'\\-01.eEu \ntrue`));
    const byte = fc.oneof(mostlyJson, fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 200 }), (bytes) => {
        const reader = new JsonReader();
        const items = [...reader.push(Buffer.from(bytes))];
        const errors = items.filter((item) => item instanceof JsonError);
        expect(errors.every(({ message }) => message.startsWith('JSON parse error, '))).toBe(true);
        const after = [...reader.push(Buffer.from('\u0000\u0000{"a":1}'))];
        expect(after.at(-1)).toEqual({ value: { a: 1 } });
      }),
    );
  });
});

describe('writeJson', () => {
  it('prints as QEMU does: ASCII, upper-case escapes, spaces after commas and colons', () => {
    expect(writeJson({ a: [1, 'é\u007f😀\u0001'], b: undefined, c: 2n ** 64n - 1n })).toBe(
      '{"a": [1, "\\u00E9\\u007F\\uD83D\\uDE00\\u0001"], "c": 18446744073709551615}',
    );
  });

  it('says what JSON.parse understands', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(writeJson(value as JsonValue))).toEqual(
          JSON.parse(JSON.stringify(value)),
        );
      }),
    );
  });
});
