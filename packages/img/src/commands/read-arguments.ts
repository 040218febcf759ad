import { notOffered, usageFailure } from '../failure.ts';
import type { Naming } from './naming.ts';
import { Getopt, type LongOption } from '../text/getopt.ts';

export interface ArgumentSpec {
  /** As `OptionSpec`; `h` is added. */
  readonly short: string;
  /** Names of long options; `=` behind one that takes a value, `:x` behind one that is a letter's. */
  readonly long: readonly string[];
  readonly exitCode?: number;
  /** Takes `--image-opts` and `--object`; they are refused by name without it. */
  readonly naming?: Naming;
}

/** What a user may ask of every command. */
export class HelpWanted extends Error {}

/** Options of qemu-img that build its objects and its own devices; refused by name. */
const NOT_OURS = ['object=', 'image-opts', 'target-image-opts'];

/**
 * Hands each option to `take`, in order, and returns the words that are none.
 * @param words the first is the command. @throws USAGE; HelpWanted; what `take` throws
 */
export function readArguments(
  words: readonly string[],
  { short, long, exitCode = 1, naming }: ArgumentSpec,
  take: (key: string, value: string) => void,
): readonly string[] {
  const others = NOT_OURS.filter((option) => !long.includes(option));
  const options = [...long, ...others, 'help:h'].map(longOption);
  const getopt = new Getopt(words, { short: `${short}h`, long: options });
  for (let found = getopt.next(); found !== undefined; found = getopt.next()) {
    if (found.kind === 'unknown') {
      throw usageFailure(`unrecognized option '${found.text}'`, exitCode === 2 ? 1 : exitCode);
    }
    if (found.kind === 'missing value') {
      throw usageFailure(`missing argument for option '${found.text}'`);
    }
    const { key, value } = found;
    if (key === 'h') throw new HelpWanted();
    if (naming?.take(key, value) === true) continue;
    if (others.includes(key) || others.includes(`${key}=`)) {
      throw notOffered(`Option '--${key}'`, exitCode);
    }
    take(key, value);
  }
  return getopt.rest;
}

function longOption(text: string): LongOption {
  const [, name = '', takesValue, key = name] = /^([^=:]+)(=?)(?::(.))?$/.exec(text) ?? [];
  return { name, takesValue: takesValue === '=', key };
}
