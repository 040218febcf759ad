import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url));

/** A document of the workspace. */
export interface DocPage {
  /** From the workspace's root. */
  readonly path: string;
  readonly text: string;
}

const FOR_USERS = [
  'README.md',
  'docs/**/*.md',
  '{packages,apps}/*/README.md',
  'packages/*/docs/*.md',
  'examples/README.md',
];
const FOR_DEVELOPERS = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md'];

/** The pages that users read, whose commands are run. */
export function docPages(): readonly DocPage[] {
  return read(FOR_USERS);
}

/** Those, and what is for people who work on Tidemark. */
export function allPages(): readonly DocPage[] {
  return read([...FOR_USERS, ...FOR_DEVELOPERS]);
}

function read(patterns: readonly string[]): readonly DocPage[] {
  return globSync(patterns, { cwd: ROOT })
    .filter((path) => !path.includes('node_modules'))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(ROOT + path, 'utf8') }));
}
