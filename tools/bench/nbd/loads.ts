import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { cpuSeconds } from './process-cost.ts';
import type { BenchServer } from './servers.ts';

/** Bytes of each drive. */
export const SIZE: number = 256 * 2 ** 20;
const SECONDS = 0.5;

/** What a load did: operations in a second, and microseconds of the server's processor for each. */
export interface Measured {
  readonly rate: number;
  readonly cpu: number;
}

export type Load = (server: BenchServer) => Promise<Measured>;

interface FioResult {
  readonly jobs: readonly Readonly<Record<'read' | 'write', { total_ios: number; iops: number }>>[];
}

/** A job of fio over NBD for half a second. `rw` as fio has it, `bs` too. */
export function fio(rw: string, bs: string, depth: number): Load {
  return async ({ uri, pid }) => {
    const before = cpuSeconds(pid);
    const text = await output(
      'fio',
      ...['--name=bench', '--ioengine=nbd', `--uri=${uri}`, `--rw=${rw}`, `--bs=${bs}`],
      ...[`--iodepth=${depth}`, `--size=${SIZE}`, '--norandommap', '--randrepeat=0'],
      ...['--time_based', `--runtime=${SECONDS * 1000}ms`, '--output-format=json'],
    );
    const spent = cpuSeconds(pid) - before;
    // A note may stand before it.
    const result: FioResult = JSON.parse(text.slice(text.indexOf('{')));
    const { total_ios: ios, iops } = result.jobs[0]![rw.includes('read') ? 'read' : 'write'];
    return { rate: iops, cpu: (spent / ios) * 1e6 };
  };
}

/** All of the drive by nbdcopy with four connections; an operation is a MiB. */
export function nbdcopy(way: 'read' | 'write', file: string): Load {
  return async ({ uri, pid }) => {
    const before = cpuSeconds(pid);
    const began = performance.now();
    await output('nbdcopy', '--connections=4', ...(way === 'read' ? [uri, 'null:'] : [file, uri]));
    const seconds = (performance.now() - began) / 1000;
    const ops = SIZE / 2 ** 20;
    return { rate: ops / seconds, cpu: ((cpuSeconds(pid) - before) / ops) * 1e6 };
  };
}

/** The same load on files that the system has to fetch from the disk. */
export function cold(files: readonly string[], load: Load): Load {
  return async (server) => {
    for (const file of files) {
      execFileSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
    }
    return load(server);
  };
}

async function output(program: string, ...words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, words, { maxBuffer: 2 ** 26 });
  return stdout;
}
