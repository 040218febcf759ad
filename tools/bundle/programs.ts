import { fileURLToPath } from 'node:url';
import type { PackedProgram } from './pack.ts';

export interface BundledProgram extends PackedProgram {
  readonly name: string;
  /** Of its package. */
  readonly folder: string;
}

const folderOf = (name: string) => fileURLToPath(new URL(`../../apps/${name}`, import.meta.url));

export const PROGRAMS: readonly BundledProgram[] = [
  {
    name: 'tidemark',
    folder: folderOf('cli'),
    dist: `${folderOf('cli')}/dist`,
    // Each is a program of its own that is started quickly where it is a file of its own. Here they
    // would be more than half of what is read at every start.
    instead: (name) =>
      name.startsWith('img/')
        ? 'exports.run = (url, words, { locks }) => require("../start.js").start(url, process.argv.slice(2), locks);\n'
        : undefined,
  },
  { name: 'tidemarkd', folder: folderOf('daemon'), dist: `${folderOf('daemon')}/dist` },
];
