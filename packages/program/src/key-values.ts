import { TidemarkError } from '@tidemark/core';
import { parseSize } from './sizes.ts';

/** What an option takes: `a=1,b.c=two`, as QEMU's command line has it; a comma in a value is doubled. */
export class KeyValues {
  readonly #option: string;
  readonly #values: ReadonlyMap<string, string>;

  /**
   * `known`: the keys that there are; one with `N` in it stands for all with a number there.
   * @throws USAGE: another key, one given twice, or no value
   */
  constructor(option: string, text: string, known: readonly string[]) {
    this.#option = option;
    const values = new Map<string, string>();
    for (const part of splitAtCommas(text)) {
      const at = part.indexOf('=');
      const key = at < 0 ? part : part.slice(0, at);
      if (at < 0) throw this.error(`'${part}' has no value`, `write ${option} key=value,key=value`);
      if (!known.includes(key.replace(/\.\d+\./, '.N.')))
        throw this.error(`unknown key '${key}'`, `it takes ${known.join(', ')}`);
      if (values.has(key)) throw this.error(`'${key}' is given twice`, 'give it once');
      values.set(key, part.slice(at + 1));
    }
    this.#values = values;
  }

  /** In the order in which they came. */
  get keys(): readonly string[] {
    return [...this.#values.keys()];
  }

  text(key: string): string | undefined {
    return this.#values.get(key);
  }

  /** @throws USAGE where the key is missing or its value is empty */
  required(key: string): string {
    const value = this.#values.get(key);
    if (value !== undefined && value !== '') return value;
    throw this.error(`'${key}=' is missing`, `add ${key}=... to it`);
  }

  /** Bytes. @throws USAGE where it is no size */
  size(key: string): number | undefined {
    const value = this.#values.get(key);
    return value === undefined ? undefined : parseSize(value);
  }

  flag(key: string): boolean | undefined {
    return this.oneOf(key, {
      on: true,
      yes: true,
      true: true,
      off: false,
      no: false,
      false: false,
    });
  }

  oneOf<T>(key: string, choices: Readonly<Record<string, T>>): T | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    if (Object.hasOwn(choices, value)) return choices[value];
    throw this.error(
      `'${key}=${value}' is not known`,
      `use one of ${Object.keys(choices).join(', ')}`,
    );
  }

  error(problem: string, hint: string): TidemarkError {
    return new TidemarkError('USAGE', `${this.#option}: ${problem}`, { hint });
  }
}

/** At single commas; a doubled one stands for one in a value. */
export function splitAtCommas(text: string): readonly string[] {
  // NUL cannot be in an argument, so it holds its place.
  const parts = text.replaceAll(',,', '\0').split(',');
  return parts.filter((part) => part !== '').map((part) => part.replaceAll('\0', ','));
}
