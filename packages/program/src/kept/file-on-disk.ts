import { existsSync, readFileSync } from 'node:fs';

/** @returns undefined where there is none */
export function fileOnDisk(path: string): Buffer | undefined {
  return existsSync(path) ? readFileSync(path) : undefined;
}
