// tools/suites/qemu-iotests.ts FOLDER [TEST...]: runs QEMU's own tests of images twice, with QEMU's programs and with
// ours in their place, and says where what they print differs. FOLDER: where get-qemu-iotests.sh puts them, with a
// short path, for sockets are made there. Fails where a test differs that is not known to. Needs a build, python3
// and the tools of the reference tests.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TIDEMARK, TIDEMARKD } from '../programs.ts';
import { KNOWN, TESTS } from './qemu-iotests-known.ts';

/** Milliseconds for one test. */
const LIMIT = 120_000;
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

type Side = 'qemu' | 'tidemark';
type Outcome = 'pass' | 'fail' | 'not run';

interface Result {
  readonly outcome: Outcome;
  /** What the test has printed. Empty: what was expected, or it was not run. */
  readonly printed: string;
}

function script(path: string, lines: readonly string[]): void {
  writeFileSync(path, `${lines.join('\n')}\n`);
  chmodSync(path, 0o755);
}

/** What QEMU's programs do and ours refuse by name is left to QEMU's, so that the rest of a test can be seen. */
const LEFT_TO_QEMU = [
  'case $1 in',
  '  amend | bench | commit | dd | rebase) exec qemu-img "$@" ;;',
  '  snapshot) for word; do case $word in -[acd]*) exec qemu-img "$@" ;; esac; done ;;',
  'esac',
];

function makePrograms(folder: string): void {
  const system = join(folder, 'system/usr');
  const emulator = [
    '#!/bin/bash',
    '# Debian builds no accelerator for tests.',
    'words=(); for word; do [ "$word" = qtest ] && word=tcg; words+=("$word"); done',
    `export LD_LIBRARY_PATH=${system}/lib/x86_64-linux-gnu QEMU_MODULE_DIR=${system}/lib/x86_64-linux-gnu/qemu`,
    `exec -a "$0" ${system}/bin/qemu-system-x86_64 -L ${system}/share/qemu -L ${system}/share/seabios "\${words[@]}"`,
  ];
  const ours = (program: string) =>
    `NODE_OPTIONS="--require ${here('rename-programs.cjs')}" exec ${process.execPath} ${program} "$@"`;
  for (const side of ['qemu', 'tidemark'] as const) {
    const at = (name: string) => join(folder, side, name);
    mkdirSync(join(folder, side), { recursive: true });
    script(at('qemu-system-x86_64'), emulator);
    const isOurs = side === 'tidemark';
    const theirs = (name: string) => `exec ${name} "$@"`;
    const put = (name: string, lines: readonly string[]) =>
      script(at(name), ['#!/bin/sh', ...(isOurs ? lines : [theirs(name)])]);
    put('qemu-io', [theirs('qemu-io')]);
    put('qemu-img', [...LEFT_TO_QEMU, ours(`${TIDEMARK} img`)]);
    put('qemu-nbd', [ours(`${TIDEMARK} nbd`)]);
    put('qemu-storage-daemon', [ours(TIDEMARKD)]);
  }
}

function runTest(folder: string, side: Side, test: string, words: readonly string[]): Result {
  const scratch = join(folder, 'run/scratch');
  rmSync(join(folder, 'run'), { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  const program = (name: string) => join(folder, side, name);
  // The folder is the same for both, so that what they print is.
  const env = {
    ...process.env,
    TEST_DIR: scratch,
    SOCK_DIR: join(folder, 'run/s'),
    QEMU_PROG: program('qemu-system-x86_64'),
    QEMU_IMG_PROG: program('qemu-img'),
    QEMU_IO_PROG: program('qemu-io'),
    QEMU_NBD_PROG: program('qemu-nbd'),
    QSD_PROG: program('qemu-storage-daemon'),
  };
  execFileSync('ln', ['-sf', join(folder, 'suite/tests/qemu-iotests/check'), join(folder, 'run')]);
  const command = ['-k', '5', String(LIMIT / 1000), 'python3', './check', '--color', 'off'];
  const { stdout } = spawnSync('timeout', [...command, ...words, test], {
    cwd: join(folder, 'run'),
    env,
    encoding: 'utf8',
  });
  const line = stdout.split('\n').findLast((text) => text.startsWith(test)) ?? '';
  if (/ not run /.test(line)) return { outcome: 'not run', printed: '' };
  if (/ pass /.test(line)) return { outcome: 'pass', printed: '' };
  return { outcome: 'fail', printed: printedBy(scratch, test) ?? stdout };
}

function printedBy(scratch: string, test: string): string | undefined {
  try {
    return readFileSync(join(scratch, `${test}.out.bad`), 'utf8');
  } catch {
    return undefined;
  }
}

/** Events of the emulator come when its threads get to them: the order and number of them is luck. */
function isAlike(one: string, other: string): boolean {
  const lines = (text: string) => {
    const without = text
      // Times of the emulator's clock, and numbers of processes.
      .replaceAll(/\d\d:\d\d:\d\d\.\d{3}/g, 'T')
      .replaceAll(/(qemu-|\/)\d+(?=[-:])/g, '$1N')
      .split('\n')
      .filter((line) => !line.includes('"event":'));
    return without.toSorted().join('\n');
  };
  return lines(one) === lines(other);
}

function verdictOf(qemu: Result, ours: Result): string {
  if (qemu.outcome === 'not run') return 'not run';
  if (ours.outcome === 'pass') return 'passes';
  if (qemu.outcome === 'fail' && isAlike(qemu.printed, ours.printed)) return 'as QEMU';
  return 'differs';
}

const [given, ...chosen] = process.argv.slice(2);
if (given === undefined) throw new Error('usage: qemu-iotests.ts FOLDER [TEST...]');
const folder = resolve(given);
execFileSync(here('get-qemu-iotests.sh'), [folder], { stdio: 'inherit' });
makePrograms(folder);
for (const { words, tests } of TESTS) {
  for (const test of tests) {
    if (chosen.length > 0 && !chosen.includes(test)) continue;
    const qemu = runTest(folder, 'qemu', test, words);
    const ours = qemu.outcome === 'not run' ? qemu : runTest(folder, 'tidemark', test, words);
    const verdict = verdictOf(qemu, ours);
    const why = KNOWN[test];
    if (verdict === 'differs' && why === undefined) process.exitCode = 1;
    const note = verdict === 'differs' ? (why ?? 'NOT KNOWN TO') : '';
    process.stdout.write(`${words.join(' ')} ${test}: ${verdict}${note && `: ${note}`}\n`);
  }
}
