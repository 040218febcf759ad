import { errnoOf, type FileSystem } from './file-system.ts';

/** Old states that stay, so that a writer who was away finds its own to be old. */
export const KEPT_STATES = 16;

const STATE = /^\d{15}$/;

/**
 * States of a reference are files with ascending numbers, and the highest one counts. A swap links
 * the next number, which only one writer can: no lock is held that a crash could leave behind.
 */
export async function newestState(fs: FileSystem, folder: string): Promise<number> {
  const numbers = await statesIn(fs, folder);
  return numbers.at(-1) ?? 0;
}

export async function statesIn(fs: FileSystem, folder: string): Promise<readonly number[]> {
  let names: readonly string[];
  try {
    names = await fs.readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
  return names
    .filter((name) => STATE.test(name))
    .map(Number)
    .toSorted((a, b) => a - b);
}

export function stateName(number: number): string {
  return String(number).padStart(15, '0');
}
