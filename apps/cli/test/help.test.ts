import { readFileSync } from 'node:fs';
import { EXIT_CANCELLED, EXIT_CODES } from '@tidemark/program';
import { describe, expect, it } from 'vitest';
import { fail, succeed } from './support/tidemark.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const bitmapCommands = [
  'add',
  'remove',
  'list',
  'clear',
  'enable',
  'disable',
  'merge',
  'dump',
  'show',
  'prune',
];
const sidecarCommands = ['create', 'plan', 'resize', 'move', 'adopt', 'convert', 'lend', 'config'];
const commands = [
  ...sidecarCommands.map((name) => ['sidecar', name]),
  ...bitmapCommands.map((name) => ['bitmap', name]),
  ['image', 'check'],
  ['image', 'repair'],
  ...['drives', 'bitmaps', 'exports', 'jobs', 'add', 'remove', 'clear', 'enable', 'disable'].map(
    (name) => ['ctl', name],
  ),
  ...['snapshot', 'export', 'unexport'].map((name) => ['ctl', name]),
  ['qmp'],
  ['completion'],
  ['info'],
  ['backup'],
  ['checkpoint'],
  ['restore'],
  ['rescan'],
  ['verify'],
  ['history'],
  ['repo', 'create'],
  ['repo', 'list'],
  ['repo', 'show'],
  ['repo', 'check'],
  ['repo', 'forget'],
  ['repo', 'prune'],
  ['repo', 'rebuild-index'],
];

describe('--help', () => {
  it.each(commands)('of %s %s shows what it does and how it is used', async (...words) => {
    const path = words.filter((word) => word !== undefined);
    const help = await succeed(...path, '--help');
    // Options that have to be there come first.
    expect(help).toMatch(
      new RegExp(`USAGE\n  tidemark ${path.join(' ')}(?: (?:\\(--.*\\) )?<|\n)`),
    );
    const examples = /EXAMPLES\n((?: {2}.*\n)+)/.exec(help)?.[1]?.trimEnd().split('\n') ?? [];
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expect(example).toContain(`  tidemark ${path.join(' ')} `);
    expect(help).toContain('--json');
    expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(132);
  });

  it('of the program lists every command and every exit code, as the README does', async () => {
    const help = await succeed('--help');
    for (const [first] of commands) expect(help).toContain(`\n  ${first}`);
    for (const code of [...Array.from({ length: 16 }, (_, i) => i), EXIT_CANCELLED]) {
      expect(help).toMatch(new RegExp(`(?:^|\\s)${code}  \\S`, 'm'));
      expect(readme).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'));
    }
    for (const words of commands) expect(readme).toContain(`tidemark ${words.join(' ')}`);
  });

  it('is right about the exit code of every error', () => {
    const rows = [...readme.matchAll(/^\| (\d+) \|[^|]*\| (`[^|]*`) \|$/gm)];
    const told = rows.flatMap(([, exit, codes]) =>
      codes!.split(' ').map((code) => ({ code: code.slice(1, -1), exit: Number(exit) })),
    );
    const known = new Map<string, number>(Object.entries(EXIT_CODES)).set('INTERNAL', 1);
    expect(told.map(({ code }) => code).sort()).toEqual([...known.keys()].sort());
    for (const { code, exit } of told) expect(exit).toBe(known.get(code));
  });

  it('is what a command line without a command prints', async () => {
    expect(await succeed()).toBe(await succeed('--help'));
    expect(await succeed('bitmap')).toBe(await succeed('bitmap', '--help'));
  });

  it('has a version beside it', async () => {
    const path = new URL('../package.json', import.meta.url);
    const manifest: { readonly version: string } = JSON.parse(readFileSync(path, 'utf8'));
    expect(await succeed('--version')).toBe(`${manifest.version}\n`);
  });
});

describe('a wrong command line', () => {
  it.each([
    [
      ['frob'],
      "there is no command 'frob'; did you mean 'history' or 'restore' or 'serve'?",
      'see tidemark --help',
    ],
    [['bitmap', 'ad'], "there is no command 'ad'", 'see tidemark bitmap --help'],
    [['repo', 'export', 'x'], 'TARGET is missing', 'see tidemark repo export --help'],
    [['qmp', 'a', 'b', 'c', 'd'], "'d' is one argument too many", 'see tidemark qmp --help'],
    [['info'], 'DRIVE is missing', 'see tidemark info --help'],
    [['bitmap', 'add', 'x'], 'NAME is missing', 'see tidemark bitmap add --help'],
    [['info', 'a', 'b'], "'b' is one argument too many", 'see tidemark info --help'],
    [
      ['info', 'a', '--jsn'],
      "there is no option --jsn; did you mean '--json'?",
      'see tidemark info --help',
    ],
    [['info', 'a', '-z'], 'there is no option -z', 'see tidemark info --help'],
    [['info', 'a', '--format'], '--format needs a value', 'see tidemark info --help'],
    [
      ['info', 'a', '--format', 'vmdk'],
      "--format cannot be 'vmdk': it is one of raw, qcow2",
      'see tidemark info --help',
    ],
    [
      ['bitmap', 'merge', 'a', 'b'],
      'at least 3 arguments are needed: DRIVE TARGET SOURCE',
      'see tidemark bitmap merge --help',
    ],
    [
      ['bitmap', 'add', 'x', 'y', '-g', '4q'],
      "'4q' is not a size",
      expect.stringContaining('65536, 64k, 1G'),
    ],
    [
      ['backup', 'x', 'y', '--drive-id', ''],
      'a drive id of 0 characters is not possible',
      'use 1 to 1024 characters',
    ],
    [
      ['backup', 'x', 'y', '--sidecar', 'z'],
      '--sidecar says where a bitmap is, and none is named',
      expect.anything(),
    ],
    [
      ['restore', 'x', 'y', '--sidecar', 'z'],
      '--sidecar is of a drive that exists, and this one will be new',
      expect.anything(),
    ],
  ] as const)('%j ends with 2 and says what is wrong', async (args, message, hint) => {
    const failure = await fail(...args);
    expect(failure).toMatchObject({ exit: 2, code: 'USAGE', context: { hint } });
    expect(failure.stderr).toContain(message);
  });
});
