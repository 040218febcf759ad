import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { launch } from '../../../../tools/launcher.ts';
import { qemuSha256 } from '../../../../tools/qemu-bitmaps.ts';
import { sh } from '../../../../tools/qemu.ts';
import { runImg } from '../../src/index.ts';

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Words of a line, with quotes as a shell has them. */
function wordsOf(line: string): string[] {
  const words = line.match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? [];
  return words.map((word) => word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'));
}

/** In this process: a program for each line would take most of the time. */
export async function runOurs(dir: string, words: readonly string[]): Promise<Outcome> {
  let [stdout, stderr] = ['', ''];
  const before = process.cwd();
  process.chdir(dir);
  try {
    const code = await runImg(words, {
      out: (text) => (stdout += text),
      err: (text) => (stderr += text),
    });
    return { code, stdout, stderr };
  } finally {
    process.chdir(before);
  }
}

async function runTheirs(dir: string, words: readonly string[]): Promise<Outcome> {
  // Not every line names its files by a path that could be made absolute.
  return launch(['qemu-img', ...words], { timeout: 120_000, cwd: dir });
}

/** As our program would print it: its own name, and names of files for names of nodes. */
function asOurs({ code, stdout, stderr }: Outcome, image = ''): Outcome {
  const own = stderr
    .replaceAll('qemu-img: ', 'tidemark img: ')
    .replaceAll("Try 'qemu-img --help'", "Try 'tidemark img --help'")
    .replace(/#block\d+/g, image);
  return { code, stdout, stderr: own };
}

/** What came of a line in the one program and in the other. */
export interface Both {
  readonly ours: object;
  readonly theirs: object;
}

/** Both in one folder: for commands that only look. */
export async function lookWithBoth(dir: string, line: string): Promise<Both> {
  const words = wordsOf(line);
  const theirs = asOurs(await runTheirs(dir, words));
  return { theirs, ours: await runOurs(dir, words) };
}

/** A folder for each of the two programs, which begin alike. */
export class Pair {
  readonly ours: string;
  readonly theirs: string;

  constructor(parent: string, name: string, template?: string) {
    this.ours = join(parent, `${name}.ours`);
    this.theirs = join(parent, `${name}.theirs`);
    for (const dir of [this.ours, this.theirs]) {
      if (template === undefined) mkdirSync(dir);
      else cpSync(template, dir, { recursive: true });
    }
  }

  /** Runs a line in both: what each says, and what is in the files that one of them changed. */
  async run(line: string, image = ''): Promise<Both & { readonly differing: readonly string[] }> {
    const words = wordsOf(line);
    const before = [this.#times(this.ours), this.#times(this.theirs)] as const;
    const theirs = asOurs(await runTheirs(this.theirs, words), image);
    const ours = await runOurs(this.ours, words);
    const files = new Set([
      ...changed(before[0], this.#times(this.ours)),
      ...changed(before[1], this.#times(this.theirs)),
    ]);
    const [mine, others] = await Promise.all([
      statesOf(this.ours, files),
      statesOf(this.theirs, files),
    ]);
    const differing: string[] = [];
    for (const file of files) {
      const state = others[file]!;
      if (state.isReadable && !(await this.#isAlike(file, state))) differing.push(file);
    }
    return { ours: { ...ours, files: mine }, theirs: { ...theirs, files: others }, differing };
  }

  /** As `run`, of a line that both refuse: what they say, and what ours has touched. */
  async refuse(line: string): Promise<Both & { readonly touched: readonly string[] }> {
    const words = wordsOf(line);
    const theirs = asOurs(await runTheirs(this.theirs, words));
    const before = this.#times(this.ours);
    const ours = await runOurs(this.ours, words);
    return { ours, theirs, touched: changed(before, this.#times(this.ours)) };
  }

  /** By content, as QEMU reads it. */
  async #isAlike(file: string, { isReadInFolder }: State): Promise<boolean> {
    const both = [this.ours, this.theirs];
    if (isReadInFolder) {
      const [ours, theirs] = await Promise.all(both.map(async (dir) => rawContent(dir, file)));
      return ours === theirs;
    }
    const [ours, theirs] = both.map((dir) => join(dir, file));
    return (await sh('qemu-img', 'compare', ours!, theirs!)).code === 0;
  }

  #times(dir: string): ReadonlyMap<string, bigint> {
    const names = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(
      (name) => !statSync(join(dir, name)).isDirectory(),
    );
    return new Map(
      names.map((name) => [name, statSync(join(dir, name), { bigint: true }).mtimeNs]),
    );
  }
}

function changed(
  before: ReadonlyMap<string, bigint>,
  after: ReadonlyMap<string, bigint>,
): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name) !== after.get(name),
  );
}

async function statesOf(
  dir: string,
  files: ReadonlySet<string>,
): Promise<Readonly<Record<string, State>>> {
  const states: [string, State][] = [];
  for (const file of files) states.push([file, await stateOf(dir, file)]);
  return Object.fromEntries(states);
}

/** What QEMU finds in an image, but for where it lies in it. */
interface State {
  /** An image that has no content of its own: without its backing file there is nothing to read. */
  readonly isReadable: boolean;
  /** A data file, or a backing file by a protocol or by options, is found from the folder QEMU runs in. */
  readonly isReadInFolder?: boolean;
  readonly [fact: string]: unknown;
}

async function stateOf(dir: string, file: string): Promise<State> {
  const img = (...words: readonly string[]) => runTheirs(dir, words);
  const { code, stdout } = await img('info', '--output=json', file);
  if (code !== 0) return { isReadable: existsSync(join(dir, file)), missing: true };
  const info: Info = JSON.parse(stdout);
  const { 'actual-size': _, ...rest } = info;
  // Where a raw file has holes is its own affair; its bytes are compared here.
  if (info.format !== 'qcow2') {
    return { isReadable: false, info: rest, sha256: sha256Of(join(dir, file)) };
  }
  const isReadable = (await img('map', '--output=json', file)).code === 0;
  return {
    isReadable,
    isReadInFolder:
      info['format-specific']!.data['data-file'] !== undefined ||
      /^(?:file|json):/.test(info['backing-filename'] ?? ''),
    info: rest,
    check: (await img('check', file)).code,
    bits: isReadable ? await bitsOf(join(dir, file), info) : 'no backing file',
  };
}

function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

async function rawContent(dir: string, file: string): Promise<string> {
  const copy = `${file}.content`;
  await runTheirs(dir, ['convert', '-O', 'raw', file, copy]);
  try {
    return sha256Of(join(dir, copy));
  } finally {
    rmSync(join(dir, copy));
  }
}

async function bitsOf(path: string, info: Info): Promise<object> {
  const { bitmaps = [] } = info['format-specific']!.data;
  const usable = bitmaps.filter(({ flags }) => !flags.includes('in-use'));
  const names = usable.map(({ name }) => name);
  return names.length === 0 ? {} : qemuSha256(path, names);
}

interface Info {
  readonly format: string;
  readonly 'actual-size': number;
  readonly 'backing-filename'?: string;
  readonly 'format-specific'?: {
    readonly data: {
      readonly 'data-file'?: string;
      readonly bitmaps?: readonly { name: string; flags: readonly string[] }[];
    };
  };
}
