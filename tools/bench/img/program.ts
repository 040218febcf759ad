import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from '../passes.ts';

const MAIN = fileURLToPath(new URL('../../../apps/cli/dist/main.js', import.meta.url));

/** What a process has used when it ends, told by itself. */
const REPORT = `data:text/javascript,${encodeURIComponent(`
// Not imported: that would load more of Node than the program does.
const { readFileSync, writeFileSync } = process.getBuiltinModule('node:fs');
process.on('exit', () => {
  if (process.env.BENCH_REPORT === undefined) return;
  const io = readFileSync('/proc/self/io', 'utf8');
  const bytes = ['rchar', 'wchar'].map((key) => Number(new RegExp(key + ': (\\\\d+)').exec(io)[1]));
  // Not maxRSS of getrusage: that has the memory of whoever forked the process, too.
  const status = readFileSync('/proc/self/status', 'utf8');
  const memory = Number(/VmHWM:\\s*(\\d+) kB/.exec(status)[1]) * 1024;
  writeFileSync(process.env.BENCH_REPORT, JSON.stringify({ io: bytes[0] + bytes[1], memory }));
});`)}`;

export type Arguments = readonly string[];

export interface Contest {
  /** Left as it is: each run that changes it gets a copy. */
  readonly image: string;
  readonly changes: boolean;
  readonly rounds: number;
  /** IMAGE stands for the image or its copy, TARGET for a file that is not there. */
  readonly qemu: Arguments;
  readonly ours: Arguments;
}

export interface ContestResult {
  /** Milliseconds, medians. */
  readonly qemu: number;
  readonly ours: number;
  /** Median of what QEMU took in a round, against what we took. */
  readonly ratio: number;
  /** Bytes at most. */
  readonly memory: number;
  /** Bytes that the process has read and written, its own program included. */
  readonly io: number;
}

/** Both in each round, in turn first. */
export function contest(contest: Contest): ContestResult {
  if (!existsSync(MAIN)) throw new Error('build first: pnpm run build');
  const { image, rounds, qemu, ours } = contest;
  const run = (program: string, args: Arguments, env = process.env) => {
    const work = prepare(contest);
    const words = args.map((arg) =>
      arg === 'IMAGE' ? work : arg === 'TARGET' ? target(image) : arg,
    );
    const begun = performance.now();
    execFileSync(program, words, { stdio: ['ignore', 'ignore', 'inherit'], env });
    return performance.now() - begun;
  };
  const times: { readonly qemu: number; readonly ours: number }[] = [];
  const byQemu = () => run('qemu-img', qemu);
  // As a shell starts it by its name.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` };
  const byUs = (more = {}) => run('/bin/sh', [MAIN, ...ours], { ...env, ...more });
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) times.push({ qemu: byQemu(), ours: byUs() });
    else {
      const own = byUs();
      times.push({ qemu: byQemu(), ours: own });
    }
  }
  const report = `${image}.report`;
  byUs({ NODE_OPTIONS: `--import=${REPORT}`, BENCH_REPORT: report });
  const used: Pick<ContestResult, 'io' | 'memory'> = JSON.parse(readFileSync(report, 'utf8'));
  for (const path of [report, copyOf(image), target(image)]) rmSync(path, { force: true });
  return {
    qemu: median(times.map((time) => time.qemu)),
    ours: median(times.map((time) => time.ours)),
    ratio: median(times.map((time) => time.qemu / time.ours)),
    ...used,
  };
}

const copyOf = (image: string) => join(image, '..', 'work.qcow2');
const target = (image: string) => join(image, '..', 'target');

/** What a run works on: outside of its time. */
function prepare({ image, changes }: Contest): string {
  rmSync(target(image), { force: true });
  if (!changes) return image;
  copyFileSync(image, copyOf(image));
  return copyOf(image);
}

export interface StartUp {
  /** Milliseconds from start to end of a program that does nothing, of Node itself. */
  readonly node: number;
  /** What it takes more to start perl as well, as for a lock, and to wait for its end. */
  readonly helper: number;
}

const PERL =
  "require('child_process').spawn('perl', ['-e', '0'], { stdio: ['ignore', 'ignore', 'pipe'] })";

/** In turn. */
export function startUp(rounds: number): StartUp {
  const timed = (script: string) => {
    const begun = performance.now();
    execFileSync(process.execPath, ['-e', script]);
    return performance.now() - begun;
  };
  const times = Array.from({ length: rounds }, () => ({ node: timed('0'), helper: timed(PERL) }));
  const node = median(times.map((time) => time.node));
  return { node, helper: median(times.map((time) => time.helper)) - node };
}
