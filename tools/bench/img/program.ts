import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from '../passes.ts';

const MAIN = fileURLToPath(new URL('../../../apps/cli/dist/main.js', import.meta.url));

/** What a process has used when it ends, told by itself. */
const REPORT = `data:text/javascript,${encodeURIComponent(`
import { readFileSync, writeFileSync } from 'node:fs';
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

/** Whether the program has commands that speak as qemu-img does. */
export function hasImgCommands(): boolean {
  if (!existsSync(MAIN)) throw new Error('build first: pnpm run build');
  return spawnSync(process.execPath, [MAIN, 'img', '--help'], { stdio: 'ignore' }).status === 0;
}

export interface Contest {
  /** Left as it is: each run gets a copy. */
  readonly image: string;
  readonly rounds: number;
  /** IMAGE stands for the copy. */
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
export function contest({ image, rounds, qemu, ours }: Contest): ContestResult {
  const work = join(image, '..', 'work.qcow2');
  const times: { readonly qemu: number; readonly ours: number }[] = [];
  const run = {
    qemu: () => timed(work, image, 'qemu-img', qemu),
    ours: () => timed(work, image, process.execPath, [MAIN, ...ours]),
  };
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) times.push({ qemu: run.qemu(), ours: run.ours() });
    else {
      const own = run.ours();
      times.push({ qemu: run.qemu(), ours: own });
    }
  }
  const used = usage(work, image, ours);
  rmSync(work, { force: true });
  return {
    qemu: median(times.map((time) => time.qemu)),
    ours: median(times.map((time) => time.ours)),
    ratio: median(times.map((time) => time.qemu / time.ours)),
    ...used,
  };
}

function timed(work: string, image: string, program: string, args: Arguments): number {
  copyFileSync(image, work);
  const begun = performance.now();
  execFileSync(program, given(args, work), { stdio: ['ignore', 'ignore', 'inherit'] });
  return performance.now() - begun;
}

function usage(work: string, image: string, args: Arguments) {
  copyFileSync(image, work);
  const report = `${work}.report`;
  const env = { ...process.env, BENCH_REPORT: report };
  const all = ['--import', REPORT, MAIN, ...given(args, work)];
  execFileSync(process.execPath, all, { stdio: ['ignore', 'ignore', 'inherit'], env });
  const told: Pick<ContestResult, 'io' | 'memory'> = JSON.parse(readFileSync(report, 'utf8'));
  rmSync(report);
  return told;
}

const given = (args: Arguments, work: string): string[] =>
  args.map((arg) => (arg === 'IMAGE' ? work : arg));

/** Milliseconds from start to end of a program that does nothing, of Node itself. */
export function startUp(rounds: number): number {
  const times = Array.from({ length: rounds }, () => {
    const begun = performance.now();
    execFileSync(process.execPath, ['-e', '0']);
    return performance.now() - begun;
  });
  return median(times);
}
