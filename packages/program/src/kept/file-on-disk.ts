import { readFileSync, statSync } from 'node:fs';
import type { ProgramFile } from './kept-code.ts';

/** @returns undefined where there is none */
export function fileOnDisk(path: string): ProgramFile | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (found === undefined) return undefined;
  const { dev, ino, size, ctimeNs } = found;
  return { text: readFileSync(path), stamp: `${dev} ${ino} ${size} ${ctimeNs}` };
}
