/** A change to a source that breaks one rule. */
export interface Mutant {
  /** The rule, in words that say how it is broken. */
  readonly name: string;
  /** From the workspace's root. */
  readonly file: string;
  /** The test that finds it soonest, where that is known; it alone is run then. */
  readonly by?: string;
  /** Words of the name of what finds it, where the rest of the tests takes long. */
  readonly named?: string;
  /** Stands in the file once. */
  readonly find: string;
  readonly replace: string;
  /** Another place, where one is not enough. */
  readonly also?: { readonly find: string; readonly replace: string };
}

/** @throws where the mutant does not find its place */
export function apply(source: string, { name, file, find, replace, also }: Mutant): string {
  let mutated = source;
  for (const change of also === undefined ? [{ find, replace }] : [{ find, replace }, also]) {
    const parts = mutated.split(change.find);
    if (parts.length !== 2) {
      throw new Error(`mutant '${name}': '${change.find}' is ${parts.length - 1} times in ${file}`);
    }
    mutated = parts.join(change.replace);
  }
  return mutated;
}
