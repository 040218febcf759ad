/** An option that begins with two dashes; `key` is what `next` calls it. */
export interface LongOption {
  readonly name: string;
  readonly takesValue: boolean;
  readonly key: string;
}

export interface OptionSpec {
  /** Letters; a colon behind one that takes a value. */
  readonly short: string;
  readonly long: readonly LongOption[];
}

/**
 * `text`: the word that a message of qemu-img names, which is not always the one that is wrong.
 * `message`: what getopt_long(3) itself would print.
 */
export type FoundOption =
  | { readonly kind: 'option'; readonly key: string; readonly value: string }
  | { readonly kind: 'unknown'; readonly text: string; readonly message: string }
  | { readonly kind: 'missing value'; readonly text: string; readonly message: string };

/**
 * Options as getopt_long(3) of the GNU C library finds them: in any place among other words, letters
 * in a cluster, long names cut short. The words behind the options stand together in the end.
 */
export class Getopt {
  readonly #words: string[];
  readonly #spec: OptionSpec;
  #index = 1;
  /** What is left of a cluster of letters. */
  #letters = '';
  /** The words that were passed over: from the first, to before the last. */
  #passedFrom = 1;
  #passedTo = 1;

  /** `words[0]` is the command. */
  constructor(words: readonly string[], spec: OptionSpec) {
    this.#words = [...words];
    this.#spec = spec;
  }

  /** The words that are no options. To be asked when `next` has found them all. */
  get rest(): readonly string[] {
    return this.#words.slice(this.#index);
  }

  /** Undefined: there are no more. */
  next(): FoundOption | undefined {
    if (this.#letters === '' && !this.#advance()) return undefined;
    if (this.#letters !== '') return this.#nextLetter();
    return this.#nextLong();
  }

  /** To the next word that is an option. */
  #advance(): boolean {
    const words = this.#words;
    this.#gatherPassed();
    while (this.#index < words.length && !isOption(words[this.#index]!)) this.#index++;
    this.#passedTo = this.#index;
    if (words[this.#index] === '--') {
      this.#index++;
      if (this.#passedFrom === this.#passedTo) this.#passedFrom = this.#index;
      else this.#gatherPassed();
      this.#passedTo = words.length;
      this.#index = words.length;
    }
    if (this.#index === words.length) {
      if (this.#passedFrom !== this.#passedTo) this.#index = this.#passedFrom;
      return false;
    }
    const word = words[this.#index]!;
    if (!word.startsWith('--')) this.#letters = word.slice(1);
    return true;
  }

  /** Puts the words that were passed over behind the options that came after them. */
  #gatherPassed(): void {
    if (this.#passedTo === this.#index) return;
    if (this.#passedFrom === this.#passedTo) {
      this.#passedFrom = this.#index;
      this.#passedTo = this.#index;
      return;
    }
    const passed = this.#words.slice(this.#passedFrom, this.#passedTo);
    const options = this.#words.slice(this.#passedTo, this.#index);
    this.#words.splice(this.#passedFrom, passed.length + options.length, ...options, ...passed);
    this.#passedFrom += options.length;
    this.#passedTo = this.#index;
  }

  #nextLetter(): FoundOption {
    const letter = this.#letters[0]!;
    this.#letters = this.#letters.slice(1);
    if (this.#letters === '') this.#index++;
    const at = letter === ':' ? -1 : this.#spec.short.indexOf(letter);
    if (at < 0) return this.#complain('unknown', `invalid option -- '${letter}'`);
    if (this.#spec.short[at + 1] !== ':') return { kind: 'option', key: letter, value: '' };
    if (this.#letters === '') {
      return this.#withNextWord(letter, `option requires an argument -- '${letter}'`);
    }
    const value = this.#letters;
    this.#letters = '';
    this.#index++;
    return { kind: 'option', key: letter, value };
  }

  #nextLong(): FoundOption {
    const word = this.#words[this.#index]!.slice(2);
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    this.#index++;
    const found = findLong(name, this.#spec.long);
    if (found.length > 1) {
      const names = found.map((option) => ` '--${option.name}'`).join('');
      return this.#complain('unknown', `option '--${word}' is ambiguous; possibilities:${names}`);
    }
    const [option] = found;
    if (option === undefined) return this.#complain('unknown', `unrecognized option '--${word}'`);
    const { key, takesValue } = option;
    if (equals < 0) {
      if (!takesValue) return { kind: 'option', key, value: '' };
      return this.#withNextWord(key, `option '--${option.name}' requires an argument`);
    }
    if (!takesValue) {
      return this.#complain('unknown', `option '--${option.name}' doesn't allow an argument`);
    }
    return { kind: 'option', key, value: word.slice(equals + 1) };
  }

  #withNextWord(key: string, message: string): FoundOption {
    const value = this.#words[this.#index];
    if (value === undefined) return this.#complain('missing value', message);
    this.#index++;
    return { kind: 'option', key, value };
  }

  #complain(kind: 'unknown' | 'missing value', message: string): FoundOption {
    return { kind, text: this.#words[this.#index - 1]!, message };
  }
}

function isOption(word: string): boolean {
  return word.length > 1 && word.startsWith('-');
}

/** By its whole name, or by a beginning that only one has: more than one are all that have it. */
function findLong(name: string, options: readonly LongOption[]): readonly LongOption[] {
  const whole = options.find((option) => option.name === name);
  if (whole !== undefined) return [whole];
  const begun = options.filter((option) => option.name.startsWith(name));
  const [first] = begun;
  const isOne = begun.every(
    ({ key, takesValue }) => key === first?.key && takesValue === first.takesValue,
  );
  return isOne && first !== undefined ? [first] : begun;
}
