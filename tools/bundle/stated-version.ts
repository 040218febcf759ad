import { readFileSync } from 'node:fs';
import type { Plugin } from 'rolldown';

/** The version that the package.json in `folder` states, as a part of the program: no file to look for. */
export function statedVersion(folder: string): Plugin {
  const manifest: { version: string } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  return {
    name: 'stated-version',
    load: (id) =>
      id.endsWith('/packages/program/src/package-version.ts')
        ? `export const packageVersion = () => ${JSON.stringify(manifest.version)};`
        : null,
  };
}
