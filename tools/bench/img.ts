// What `tidemark img` costs beside qemu-img, and what changes of bitmaps cost as a library:
//   pnpm bench img [FOLDER] [ROUNDS] [DISK] [PART]
// FOLDER should be in memory, DISK on a disk: there the library rows are timed with their flushes.
// PART: only images and disks with that in their names.
// docs/performance.md has the last figures.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CopyDisk, makeDisks } from './img/copies.ts';
import type { ApartTask, ApartTimes } from './img/apart.ts';
import type { BenchImage } from './img/images.ts';
import { contest, startUp } from './img/program.ts';
import { BITMAP_ROWS, CHECK, copyRows, type Row } from './img/rows.ts';

const [folder = '/dev/shm', rounds = '9', disk = '.', part = ''] = process.argv.slice(2);
const ROUNDS = Number(rounds);
const KiB = 1024;
const MiB = 2 ** 20;
const GiB = 2 ** 30;
const TiB = 2 ** 40;
const dir = mkdtempSync(join(folder, 'tidemark-bench-'));
const diskDir = mkdtempSync(join(disk, 'tidemark-bench-'));

const IMAGES: Readonly<Record<string, BenchImage>> = {
  '16 TiB, two bitmaps, half full': { size: 16 * TiB, bitmaps: 2, density: 0.5 },
  '16 TiB, two bitmaps, a thousandth': { size: 16 * TiB, bitmaps: 2, density: 0.001 },
  '16 TiB, ten bitmaps, half full': { size: 16 * TiB, bitmaps: 10, density: 0.5 },
  '100 GiB, two bitmaps, half full': { size: 100 * GiB, bitmaps: 2, density: 0.5 },
  '64 MiB, two bitmaps, half full': { size: 64 * MiB, bitmaps: 2, density: 0.5 },
};

const DISKS: Readonly<Record<string, CopyDisk>> = {
  '1 GiB, every other 256 KiB': { size: GiB, step: 512 * KiB, run: 256 * KiB },
  '64 GiB, 256 MiB of it in 4096 places': { size: 64 * GiB, step: 16 * MiB, run: 64 * KiB },
};

const PREALLOCATED = '1 TiB, metadata preallocated';

/** What of it is asked for. */
const asked = <T>(all: Readonly<Record<string, T>>) =>
  Object.entries(all).filter(([name]) => name.includes(part));

const inMiB = (bytes: number) => `${(bytes / MiB).toFixed(1)} MiB`;
const ms = (time: number) => `${time.toFixed(1)} ms`;
const load = () =>
  loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');

function programs(name: string, image: string, rows: readonly Row[]): void {
  for (const { what, args, changes } of rows) {
    const ours = ['img', ...args];
    const result = contest({ image, changes, rounds: ROUNDS, qemu: args, ours });
    const cost = `${inMiB(result.memory)} | ${inMiB(result.io)}`;
    const times = `${ms(result.qemu)} | ${ms(result.ours)} | ×${result.ratio.toFixed(2)}`;
    console.info(`| ${name} | ${what} | ${times} | ${cost} |`);
  }
}

const APART = fileURLToPath(new URL('img/apart.ts', import.meta.url));

/** Makes the image. */
function library(name: string, path: string, image: BenchImage): void {
  const task: ApartTask = { path, image, rounds: ROUNDS, disk: diskDir };
  const text = execFileSync(process.execPath, [...process.execArgv, APART, JSON.stringify(task)], {
    encoding: 'utf8',
  });
  const { inMemory, onDisk }: ApartTimes = JSON.parse(text);
  for (const [what, { first, median, least }] of Object.entries(inMemory)) {
    const times = [median, least, first, onDisk[what]!.median].map(ms).join(' | ');
    console.info(`| ${name} | ${what} | ${times} |`);
  }
}

try {
  const { model } = cpus()[0]!;
  console.info(`${cpus().length} x ${model}, Node ${process.version}, load ${load()}\n`);
  const { node, helper } = startUp(ROUNDS * 3);
  console.info(`Node's own start: ${ms(node)}; the start of perl for a lock: ${ms(helper)} more\n`);

  const images: [string, string][] = [];
  console.info('| image | as a library | median | least | first | on disk |');
  console.info('| --- | --- | --- | --- | --- | --- |');
  for (const [name, image] of asked(IMAGES)) {
    const path = join(dir, `${images.length}.qcow2`);
    images.push([name, path]);
    library(name, path, image);
  }
  console.info('\n| image | as a program | qemu-img | tidemark | ratio | memory | I/O |');
  console.info('| --- | --- | --- | --- | --- | --- | --- |');
  for (const [name, path] of images) {
    programs(name, path, BITMAP_ROWS);
    rmSync(path);
  }
  if (PREALLOCATED.includes(part)) {
    const full = join(dir, 'full.qcow2');
    const preallocated = ['-f', 'qcow2', '-o', 'preallocation=metadata', full, '1T'];
    execFileSync('qemu-img', ['create', '-q', ...preallocated]);
    programs(PREALLOCATED, full, [CHECK]);
    rmSync(full);
  }
  for (const [index, [name, shape]] of asked(DISKS).entries()) {
    const base = makeDisks(dir, `disk${index}`, shape);
    programs(name, `${base}.raw`, copyRows(base));
  }
} finally {
  rmSync(dir, { recursive: true });
  rmSync(diskDir, { recursive: true });
}
console.info(`\nload ${load()}`);
