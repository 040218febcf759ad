import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { cacheFolder } from './cache-folder.ts';
import { coversUses, type KeptCode, type ProgramFile, readKept, writeKept } from './kept-code.ts';

/** @returns undefined where the program has no such file */
export type ReadProgramFile = (path: string) => ProgramFile | undefined;

const HEAD = '(function (exports, require, module, __filename, __dirname) {';
const TAIL = '\n})';

/** A program that runs longer has done by then what each start does; V8 forgets what is not called again. */
const STARTED_MS = 2000;

type Compiled = (
  this: unknown,
  exports: unknown,
  require: Require,
  module: unknown,
  path: string,
  folder: string,
) => void;
/** As Node types it: who asks knows what is there. */
type Require = (id: string) => ReturnType<NodeJS.Require>;

/**
 * `require` for the files of a program, which are run as Node runs CommonJS, each once. What V8 makes of them is kept
 * for the next start, with all functions that were called: Node's own cache (node:module) has none of
 * those that V8 compiles when they are first called, which is most of them. All goes on
 * without where nothing can be kept.
 *
 * `main`: path of the file that asks; `outside`: for what is no file of the program.
 */
export function keptRequire(read: ReadProgramFile, main: string, outside: Require): Require {
  const folder = folderIfAny();
  const uses = usesOf(process.argv.slice(2));
  const atLast = soon();
  const loaded = new Map<string, { exports: unknown }>();

  const requireFrom =
    (from: string): Require =>
    (id) => {
      if (!id.startsWith('.')) return outside(id);
      const path = join(dirname(from), id);
      const known = loaded.get(path);
      if (known !== undefined) return known.exports;
      const file = read(path);
      return file === undefined ? outside(id) : run(path, file);
    };

  function run(path: string, file: ProgramFile): unknown {
    const module = { exports: {} };
    loaded.set(path, module);
    const compiled = compile(path, file);
    compiled.call(module.exports, module.exports, requireFrom(path), module, path, dirname(path));
    return module.exports;
  }

  function compile(path: string, file: ProgramFile): Compiled {
    const kept = folder === undefined ? undefined : readKept(folder, path, file);
    const script = new Script(`${HEAD}${file.text.toString('utf8')}${TAIL}`, {
      filename: path,
      columnOffset: -HEAD.length,
      cachedData: kept?.data,
    });
    const known = script.cachedDataRejected === false ? (kept?.uses ?? []) : [];
    if (folder !== undefined && !coversUses(known, uses)) {
      const head = { path, file, uses: [...new Set([...known, ...uses])] };
      atLast(() => keep(folder, script, head));
    }
    return script.runInThisContext();
  }

  return requireFrom(main);
}

/** Calls each, once: when the program ends, or has started if it goes on. */
function soon(): (work: () => void) => void {
  const waiting: (() => void)[] = [];
  const begin = () => {
    const timer = setTimeout(end, STARTED_MS).unref();
    process.once('exit', end);
    function end(): void {
      process.removeListener('exit', end);
      clearTimeout(timer);
      for (const work of waiting.splice(0)) work();
    }
  };
  return (work) => {
    if (waiting.push(work) === 1) begin();
  };
}

function keep(folder: string, script: Script, head: Omit<KeptCode, 'data'>): void {
  try {
    writeKept(folder, { ...head, data: script.createCachedData() });
  } catch {
    // A folder that is read-only or full.
  }
}

function folderIfAny(): string | undefined {
  try {
    return cacheFolder();
  } catch {
    return undefined;
  }
}

/** Of a command line what says which functions are called: names of commands and options. Never empty. */
function usesOf(words: readonly string[]): readonly string[] {
  const names = words.flatMap((word, index) => {
    if (word.startsWith('-')) return [word.replace(/=.*/s, '')];
    return index < 2 && /^[a-z-]+$/.test(word) ? [word] : [];
  });
  return ['', ...names];
}
