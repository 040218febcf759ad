import { fileURLToPath } from 'node:url';
import { apply, type Mutant } from './mutant.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const given = process.env['TIDEMARK_MUTANT'];
const mutant = given === undefined ? undefined : (JSON.parse(given) as Mutant);

/** The source that this process sees in another form than it lies on disk. */
export const mutatedFile: string | undefined = mutant && `${root}${mutant.file}`;

/** @throws where the mutant does not find its place */
export function mutated(source: string): string {
  return mutant === undefined ? source : apply(source, mutant);
}
