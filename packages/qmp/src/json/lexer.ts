import { JsonError } from './json-error.ts';

export type Token =
  | { readonly type: '{' | '}' | '[' | ']' | ':' | ',' }
  /** `text`: as it came, with its quotes; escapes are looked at by the parser. */
  | { readonly type: 'string' | 'number' | 'keyword'; readonly text: string };

type State = 'start' | 'string' | 'escape' | 'number' | 'keyword' | 'recovery';
type Pushed = Generator<Token | JsonError>;

const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$/;
/** What may still become a number. */
const NUMBER_BEGUN =
  /^-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*(?:(?<=[0-9])[eE][-+]?[0-9]*)?|[eE][-+]?[0-9]*)?)?$/;
const QUOTES = [0x22, 0x27];
const PUNCTUATION = new Map<string, Token>(
  (['{', '}', '[', ']', ':', ','] as const).map((type) => [type, { type }]),
);

/**
 * Cuts bytes into JSON tokens, across the borders of chunks. Strings may stand in single quotes, as
 * QEMU takes them. A byte that fits no token makes an error, and what follows is skipped up to the
 * next punctuation or control character, as QEMU does.
 */
export class Lexer {
  #state: State = 'start';
  #quote = 0;
  /** Bytes of the token so far, one character each. */
  #text = '';

  /** Bytes held back because their token has not ended. */
  get pending(): number {
    return this.#text.length;
  }

  reset(): void {
    this.#state = 'start';
    this.#text = '';
  }

  /** Yields what the byte completes: mostly nothing, at most two tokens. */
  *push(byte: number): Pushed {
    const char = String.fromCharCode(byte);
    switch (this.#state) {
      case 'recovery':
        if (byte >= 0x20 && byte < 0xfe && !PUNCTUATION.has(char)) break;
        this.#state = 'start';
        yield* this.#begin(byte, char);
        break;
      case 'start':
        yield* this.#begin(byte, char);
        break;
      case 'string':
      case 'escape':
        yield* this.#inString(byte, char);
        break;
      case 'number':
        if (!/[-+.0-9a-zA-Z]/.test(char)) yield* this.#endNumber(byte, char);
        else if (NUMBER_BEGUN.test(this.#text + char)) this.#text += char;
        else yield this.#stray(char);
        break;
      case 'keyword':
        if (/[a-z]/.test(char)) this.#text += char;
        else {
          yield this.#end('keyword');
          yield* this.#begin(byte, char);
        }
    }
  }

  *#begin(byte: number, char: string): Pushed {
    if (char === ' ' || char === '\t' || char === '\r' || char === '\n') return;
    const punctuation = PUNCTUATION.get(char);
    if (punctuation !== undefined) yield punctuation;
    else if (QUOTES.includes(byte)) this.#open('string', char, byte);
    else if (/[-0-9]/.test(char)) this.#open('number', char);
    else if (/[a-z]/.test(char)) this.#open('keyword', char);
    else yield this.#stray(char);
  }

  *#endNumber(byte: number, char: string): Pushed {
    if (!NUMBER.test(this.#text)) {
      yield this.#stray(char);
      return;
    }
    yield this.#end('number');
    yield* this.#begin(byte, char);
  }

  *#inString(byte: number, char: string): Pushed {
    // 0xff is in no UTF-8: clients send it to have a broken request forgotten.
    if (byte < 0x20 || byte === 0xff) {
      yield this.#stray(char);
      return;
    }
    this.#text += char;
    if (this.#state === 'escape') this.#state = 'string';
    else if (char === '\\') this.#state = 'escape';
    else if (byte === this.#quote) yield this.#end('string');
  }

  #open(state: State, char: string, quote = 0): void {
    this.#state = state;
    this.#quote = quote;
    this.#text = char;
  }

  #end(type: 'string' | 'number' | 'keyword'): Token {
    const text = this.#text;
    this.reset();
    return { type, text };
  }

  #stray(char: string): JsonError {
    const text = Buffer.from(this.#text + char, 'latin1').toString('utf8');
    this.reset();
    this.#state = 'recovery';
    return new JsonError(`stray '${text.replaceAll('\0', '')}'`);
  }
}
