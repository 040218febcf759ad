import { fileURLToPath } from 'node:url';
import { apply, type Mutant } from './mutant.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const given = process.env['TIDEMARK_MUTANT'];
const mutant = given === undefined ? undefined : (JSON.parse(given) as Mutant);

/** The source that this process sees in another form than it lies on disk. */
export const mutatedFile: string | undefined = mutant && `${root}${mutant.file}`;

/** On standard error, of a run that has loaded the source in that form. */
export const LOADED = 'the source was loaded broken';

/** @throws where the mutant does not find its place */
export function mutated(source: string): string {
  if (mutant === undefined) return source;
  const broken = apply(source, mutant);
  process.stderr.write(`${LOADED}\n`);
  return broken;
}
