import { HelpWanted } from './commands/read-arguments.ts';
import { notOffered, PROGRAM, usageFailure } from './failure.ts';
import type { ImgHost } from './host.ts';
import { type ImgCommand, runCommand } from './run-command.ts';

/** Each is loaded when it is called for. */
const COMMANDS: Readonly<Record<string, () => Promise<ImgCommand>>> = {
  bitmap: async () => (await import('./commands/bitmap.ts')).bitmap,
  check: async () => (await import('./commands/check.ts')).check,
  compare: async () => (await import('./commands/compare.ts')).compare,
  convert: async () => (await import('./commands/convert.ts')).convert,
  create: async () => (await import('./commands/create.ts')).create,
  info: async () => (await import('./commands/info.ts')).info,
  map: async () => (await import('./commands/map.ts')).map,
  measure: async () => (await import('./commands/measure.ts')).measure,
  resize: async () => (await import('./commands/resize.ts')).resize,
  snapshot: async () => (await import('./commands/snapshot.ts')).snapshot,
};

const NOT_OFFERED = new Set(['amend', 'bench', 'commit', 'dd', 'rebase']);

/**
 * Runs one command line of `qemu-img`, the program's name left out, and prints what that would.
 * @returns the exit code
 */
export function runImg(words: readonly string[], host: ImgHost): Promise<number> {
  return runCommand(findAndRun, words, host);
}

async function findAndRun(words: readonly string[], host: ImgHost): Promise<number> {
  const [name] = words;
  if (name === undefined) throw usageFailure('Not enough arguments');
  if (name.startsWith('-')) return beforeCommand(name, host);
  if (NOT_OFFERED.has(name)) throw notOffered(`Command '${name}'`);
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) throw usageFailure(`Command not found: ${name}`);
  return (await load())(words, host);
}

/** An option in the place of a command. @throws USAGE, HelpWanted */
function beforeCommand(option: string, { out, version = '' }: ImgHost): number {
  if (option === '-h' || option === '--help') throw new HelpWanted();
  if (option === '-V' || option === '--version') {
    // Programs look for these words, and then for what the version can do.
    out(`qemu-img version 7.2.0 (${PROGRAM} ${version})\n`);
    return 0;
  }
  if (/^(?:-T|--trace$|--trace=)/.test(option)) throw notOffered("Option '--trace'");
  throw usageFailure(`unrecognized option '${option}'`);
}
