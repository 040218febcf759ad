import { TidemarkError } from '@tidemark/core';

/** Reads members of an untrusted JSON object; each failure names file and member. */
export class JsonFields {
  readonly #members: ReadonlyMap<string, unknown>;
  readonly #where: string;
  readonly #path: string;

  constructor(value: unknown, where: string, path = '') {
    this.#where = where;
    this.#path = path;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw this.#refuse(path, 'an object');
    }
    this.#members = new Map(Object.entries(value));
  }

  #refuse(field: string, expected: string): TidemarkError {
    const what = field === '' ? 'its content' : `'${field}'`;
    return new TidemarkError(
      'BACKUP_CORRUPT',
      `'${this.#where}' is damaged: ${what} is not ${expected}`,
      { where: this.#where, field },
    );
  }

  #take<T>(name: string, expected: string, accept: (value: unknown) => value is T): T {
    const value = this.#members.get(name);
    if (!accept(value)) throw this.#refuse(this.#path + name, expected);
    return value;
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  isNull(name: string): boolean {
    return this.#members.get(name) === null;
  }

  text(name: string, limit = 4096): string {
    return this.#take(
      name,
      `text of at most ${limit} characters`,
      (value): value is string => typeof value === 'string' && value.length <= limit,
    );
  }

  /** SHA-256 in lower-case hex. */
  digest(name: string): string {
    return this.#take(
      name,
      'a SHA-256 digest',
      (value): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
    );
  }

  /** An integer from 0 to 2^53 - 1. */
  size(name: string): number {
    return this.#take(
      name,
      'a size',
      (value): value is number =>
        typeof value === 'number' && Number.isSafeInteger(value) && value >= 0,
    );
  }

  oneOf<T extends string | number>(name: string, values: readonly T[]): T {
    return this.#take(name, values.map((value) => `'${value}'`).join(' or '), (value): value is T =>
      (values as readonly unknown[]).includes(value),
    );
  }

  object(name: string): JsonFields {
    return new JsonFields(this.#members.get(name), this.#where, `${this.#path}${name}.`);
  }

  /** At most `limit` objects. */
  objects(name: string, limit: number): readonly JsonFields[] {
    return this.#list(name, limit).map(
      (value, index) => new JsonFields(value, this.#where, `${this.#path}${name}[${index}].`),
    );
  }

  /** At most `limit` digests, as `digest`. */
  digests(name: string, limit: number): readonly string[] {
    return this.#list(name, limit).map((value, index) => {
      if (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)) return value;
      throw this.#refuse(`${this.#path}${name}[${index}]`, 'a SHA-256 digest');
    });
  }

  #list(name: string, limit: number): readonly unknown[] {
    return this.#take(
      name,
      `a list of at most ${limit}`,
      (value): value is unknown[] => Array.isArray(value) && value.length <= limit,
    );
  }
}
