import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url));

/** A document of the workspace. */
export interface DocPage {
  /** From the workspace's root. */
  readonly path: string;
  readonly text: string;
}

/** The pages that users read: README, docs/ and the README of each package, app and of the examples. */
export function docPages(): readonly DocPage[] {
  return globSync('{README.md,docs/**/*.md,{packages,apps}/*/README.md,examples/README.md}', {
    cwd: ROOT,
  })
    .filter((path) => !path.includes('node_modules'))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(ROOT + path, 'utf8') }));
}
