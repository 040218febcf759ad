// What changes of bitmaps cost, beside qemu-img, as a program and as a library:
//   pnpm bench img [FOLDER] [ROUNDS]
// FOLDER decides the file system: it should be in memory. docs/performance.md has the last figures.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { type BenchImage, makeImage } from './img/images.ts';
import { libraryTimes } from './img/library.ts';
import { type Arguments, contest, hasImgCommands, startUp } from './img/program.ts';

const [folder = '/dev/shm', rounds = '9'] = process.argv.slice(2);
const ROUNDS = Number(rounds);
const GiB = 2 ** 30;
const TiB = 2 ** 40;
const dir = mkdtempSync(join(folder, 'tidemark-bench-'));

const IMAGES: Readonly<Record<string, BenchImage>> = {
  '16 TiB, two bitmaps, half full': { size: 16 * TiB, bitmaps: 2, density: 0.5 },
  '16 TiB, two bitmaps, a thousandth': { size: 16 * TiB, bitmaps: 2, density: 0.001 },
  '16 TiB, ten bitmaps, half full': { size: 16 * TiB, bitmaps: 10, density: 0.5 },
  '100 GiB, two bitmaps, half full': { size: 100 * GiB, bitmaps: 2, density: 0.5 },
};

interface Row {
  readonly what: string;
  readonly qemu: Arguments;
  /** Of the program that speaks as qemu-img does. */
  readonly img: Arguments;
  /** Where it does not yet. */
  readonly own: Arguments;
}

const alike = (what: string, args: Arguments, own: Arguments): Row => {
  return { what, qemu: args, img: ['img', ...args], own };
};

const ROWS: readonly Row[] = [
  alike('info', ['info', '-f', 'qcow2', 'IMAGE'], ['info', 'IMAGE', '--format', 'qcow2']),
  alike(
    'add',
    ['bitmap', '-f', 'qcow2', '--add', 'IMAGE', 'new'],
    ['bitmap', 'add', 'IMAGE', 'new', '--format', 'qcow2'],
  ),
  alike(
    'clear',
    ['bitmap', '-f', 'qcow2', '--clear', 'IMAGE', 'b0'],
    ['bitmap', 'clear', 'IMAGE', 'b0', '--format', 'qcow2'],
  ),
  alike(
    'merge',
    ['bitmap', '-f', 'qcow2', '--merge', 'b1', 'IMAGE', 'b0'],
    ['bitmap', 'merge', 'IMAGE', 'b0', 'b1', '--format', 'qcow2'],
  ),
];

const MiB = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const ms = (time: number) => `${time.toFixed(1)} ms`;
const load = () =>
  loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');

function program(name: string, image: string, speaksImg: boolean): void {
  for (const { what, qemu, img, own } of ROWS) {
    const result = contest({ image, rounds: ROUNDS, qemu, ours: speaksImg ? img : own });
    const cost = `${MiB(result.memory)} | ${MiB(result.io)}`;
    const times = `${ms(result.qemu)} | ${ms(result.ours)} | ×${result.ratio.toFixed(2)}`;
    console.info(`| ${name} | ${what} | ${times} | ${cost} |`);
  }
}

async function library(name: string, image: string): Promise<void> {
  for (const [what, { first, median, least }] of Object.entries(
    await libraryTimes(image, ROUNDS),
  )) {
    console.info(`| ${name} | ${what} | ${ms(median)} | ${ms(least)} | ${ms(first)} |`);
  }
}

try {
  const images: [string, string][] = [];
  for (const [name, image] of Object.entries(IMAGES)) {
    const path = join(dir, `${images.length}.qcow2`);
    await makeImage(path, image);
    images.push([name, path]);
  }
  const { model } = cpus()[0]!;
  console.info(`${cpus().length} x ${model}, Node ${process.version}, load ${load()}\n`);
  console.info('| image | as a library | median | least | first |');
  console.info('| --- | --- | --- | --- | --- |');
  for (const [name, path] of images) await library(name, path);

  const speaksImg = hasImgCommands();
  if (!speaksImg) console.info('\nthere is no `tidemark img` yet: `tidemark bitmap` and `info`');
  console.info(`\nNode's own start: ${ms(startUp(ROUNDS))}\n`);
  console.info('| image | as a program | qemu-img | tidemark | ratio | memory | I/O |');
  console.info('| --- | --- | --- | --- | --- | --- | --- |');
  for (const [name, path] of images) program(name, path, speaksImg);
} finally {
  rmSync(dir, { recursive: true });
}
console.info(`\nload ${load()}`);
