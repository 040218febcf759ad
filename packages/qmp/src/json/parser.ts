import { JsonError } from './json-error.ts';
import type { JsonValue } from './json-value.ts';
import type { Token } from './lexer.ts';

const KEYWORDS = new Map<string, null | boolean>([
  ['null', null],
  ['true', true],
  ['false', false],
]);
const ESCAPES = new Map(Object.entries({ b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }));
for (const char of '"\'\\/') ESCAPES.set(char, char);
const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;

/**
 * The value that the tokens make. The caller limits their nesting.
 * @throws JsonError
 */
export function parseTokens(tokens: readonly Token[]): JsonValue {
  return new Parser(tokens).value();
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  value(): JsonValue {
    const token = this.#next();
    switch (token?.type) {
      case '{':
        return this.#object();
      case '[':
        return this.#array();
      case 'string':
        return unescape(token.text);
      case 'number':
        return parseNumber(token.text);
      case 'keyword': {
        const value = KEYWORDS.get(token.text);
        if (value !== undefined) return value;
        throw new JsonError(`invalid keyword '${token.text}'`);
      }
      default:
        throw new JsonError('expecting value');
    }
  }

  #object(): JsonValue {
    const entries = new Map<string, JsonValue>();
    if (this.#accept('}')) return {};
    do {
      const key = this.value();
      if (typeof key !== 'string') throw new JsonError('key is not a string in object');
      if (!this.#accept(':')) throw new JsonError('missing : in object pair');
      const value = this.value();
      if (entries.has(key)) throw new JsonError('duplicate key');
      entries.set(key, value);
    } while (this.#accept(','));
    if (!this.#accept('}')) throw new JsonError('expected separator in dict');
    return Object.fromEntries(entries);
  }

  #array(): JsonValue {
    const values: JsonValue[] = [];
    if (this.#accept(']')) return values;
    do values.push(this.value());
    while (this.#accept(','));
    if (!this.#accept(']')) throw new JsonError('expected separator in list');
    return values;
  }

  #next(): Token | undefined {
    return this.#tokens[this.#at++];
  }

  #accept(type: Token['type']): boolean {
    if (this.#tokens[this.#at]?.type !== type) return false;
    this.#at++;
    return true;
  }
}

function parseNumber(text: string): JsonValue {
  const value = Number(text);
  if (/[.eE]/.test(text) || Number.isSafeInteger(value)) return value;
  const integer = BigInt(text);
  return integer >= INT64_MIN && integer <= UINT64_MAX ? integer : value;
}

function unescape(token: string): string {
  const bytes = Buffer.from(token.slice(1, -1), 'latin1');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new JsonError('invalid UTF-8 sequence in string');
  }
  const unescaped = text.replace(/\\(?:u(.{0,4})|(.))/gs, (whole, hex?: string, char?: string) => {
    if (hex !== undefined) {
      if (/^[0-9a-fA-F]{4}$/.test(hex)) return String.fromCharCode(Number.parseInt(hex, 16));
      throw new JsonError(`${whole} is not a valid Unicode character`);
    }
    const plain = ESCAPES.get(char ?? '');
    if (plain === undefined) throw new JsonError('invalid escape sequence in string');
    return plain;
  });
  const half = /\p{Surrogate}/u.exec(unescaped);
  if (half === null) return unescaped;
  const code = half[0].charCodeAt(0).toString(16);
  throw new JsonError(`\\u${code} is not a valid Unicode character`);
}
