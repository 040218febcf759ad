import { JsonError } from './json-error.ts';
import type { JsonValue } from './json-value.ts';
import { Lexer, type Token } from './lexer.ts';
import { parseTokens } from './parser.ts';

export interface JsonReaderOptions {
  /** Bytes of one value. Default 1 MiB. */
  readonly maxSize?: number;
  /** Default 1024, as QEMU has it. */
  readonly maxNesting?: number;
}

/**
 * Finds JSON values in a stream: they need nothing between them, not even a line end. After an
 * error the value it was in is forgotten.
 */
export class JsonReader {
  readonly #lexer = new Lexer();
  readonly #maxSize: number;
  readonly #maxNesting: number;
  #tokens: Token[] = [];
  #size = 0;
  #nesting = 0;
  /** After too large a value: the rest of the line is not worth a reply for each piece. */
  #skipping = false;

  constructor({ maxSize = 1024 * 1024, maxNesting = 1024 }: JsonReaderOptions = {}) {
    this.#maxSize = maxSize;
    this.#maxNesting = maxNesting;
  }

  /** Yields the values that end in this chunk, each wrapped, and what was wrong between them. */
  *push(chunk: Uint8Array): Generator<{ readonly value: JsonValue } | JsonError> {
    for (const byte of chunk) {
      if (this.#skipping) {
        this.#skipping = byte !== 0x0a && byte !== 0xff;
        continue;
      }
      this.#size++;
      for (const token of this.#lexer.push(byte)) yield* this.#take(token);
      if (this.#isEmpty()) this.#size = 0;
      if (this.#size > this.#maxSize) yield this.#tooLarge('token size');
    }
  }

  *#take(token: Token | JsonError): Generator<{ readonly value: JsonValue } | JsonError> {
    if (token instanceof JsonError) {
      this.#forget();
      yield token;
      return;
    }
    this.#tokens.push(token);
    if (token.type === '{' || token.type === '[') this.#nesting++;
    if (token.type === '}' || token.type === ']') this.#nesting--;
    if (this.#nesting > this.#maxNesting) yield this.#tooLarge('nesting depth');
    else if (this.#nesting <= 0) yield this.#finish();
  }

  #finish(): { readonly value: JsonValue } | JsonError {
    const tokens = this.#tokens;
    this.#forget();
    try {
      return { value: parseTokens(tokens) };
    } catch (error) {
      if (error instanceof JsonError) return error;
      throw error;
    }
  }

  #tooLarge(what: string): JsonError {
    this.#forget();
    this.#lexer.reset();
    this.#size = 0;
    this.#skipping = true;
    return new JsonError(`${what} limit exceeded`);
  }

  #isEmpty(): boolean {
    return this.#tokens.length === 0 && this.#lexer.pending === 0;
  }

  #forget(): void {
    this.#tokens = [];
    this.#nesting = 0;
  }
}
