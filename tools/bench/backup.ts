// What backups cost beside qemu-storage-daemon's blockdev-backup, in turn with it:
//   pnpm bench backup [FOLDER] [ROUNDS] [GiB]
// FOLDER decides the file system. Times are of the job, without the start of a process; processor
// time is of the whole process that does it. Rows as docs/performance.md has their targets. docs/performance.md has the last figures.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { dropCaches, type Increment, makeIncrement } from './backup/increment.ts';
import { full, toImage, toRepository, unchanged } from './backup/ours.ts';
import { QemuBackups } from './backup/qemu-backups.ts';
import { median } from './passes.ts';

const [folder = '.', rounds = '7', gib = '4'] = process.argv.slice(2);
const dir = mkdtempSync(join(folder, 'tidemark-bench-'));

/** Of one round: seconds, and processor seconds. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

interface Round {
  readonly qemu: Cost;
  readonly image: Cost & { readonly read: number };
  readonly repository: Cost;
}

function report(what: string, all: readonly Round[], increment: Increment): void {
  const ratio = (of: (round: Round) => number) => median(all.map(of)).toFixed(2);
  const ms = (of: (round: Round) => number) => `${(median(all.map(of)) * 1000).toFixed(0)} ms`;
  const read = median(all.map(({ image }) => image.read)) / increment.dirtyBytes;
  const cells = [
    what,
    ms(({ qemu }) => qemu.wall),
    ms(({ image }) => image.wall),
    `×${ratio(({ qemu, image }) => qemu.wall / image.wall)}`,
    `×${ratio(({ qemu, image }) => qemu.cpu / image.cpu)}`,
    read.toFixed(3),
    ms(({ repository }) => repository.wall),
    `×${ratio(({ image, repository }) => repository.wall / image.wall)}`,
    `×${ratio(({ image, repository }) => repository.cpu / image.cpu)}`,
  ];
  console.info(`| ${cells.join(' | ')} |`);
}

async function measure(increment: Increment, isCold: boolean): Promise<readonly Round[]> {
  const qemu = await QemuBackups.start(increment, dir);
  const all: Round[] = [];
  try {
    for (let count = 0; count < Number(rounds); count++) {
      const prepare = () => (isCold ? dropCaches(increment) : undefined);
      prepare();
      const theirs = await qemu.backUp(join(dir, 'qemu.qcow2'));
      prepare();
      const image = await toImage(increment, join(dir, 'ours.qcow2'));
      prepare();
      const repository = await toRepository(increment, join(dir, 'repository'));
      all.push({ qemu: theirs, image, repository });
    }
  } finally {
    await qemu.quit();
  }
  return all;
}

const load = () =>
  loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');
console.info(`${cpus().length} x ${cpus()[0]!.model}, Node ${process.version}, load ${load()}`);
console.info(
  '| source | QEMU | ours, qcow2 | time | processor | read / dirty | repository | time / qcow2 | processor / qcow2 |',
);
console.info(`|${' --- |'.repeat(9)}`);
try {
  const increment = await makeIncrement(dir, Number(gib) * 2 ** 30);
  report('D1, D2: warm', await measure(increment, false), increment);
  report('D3: cold', await measure(increment, true), increment);
  const seconds = await unchanged(join(dir, 'unchanged'));
  console.info(`D4, nothing changed on 1 TiB: ${(seconds * 1000).toFixed(0)} ms beyond start-up`);
  const whole = await full(increment, join(dir, 'repository'));
  const rate = (bytes: number, of: number) => `${(bytes / of / 2 ** 20).toFixed(0)} MiB/s`;
  console.info(
    `full backup: ${rate(increment.size, whole.wall)}, beside SHA-256 of the same alone: ` +
      `${rate(increment.size, whole.hashing)}; at most ${(whole.memory / 2 ** 20).toFixed(0)} MiB`,
  );
} finally {
  rmSync(dir, { recursive: true, force: true });
}
console.info(`load ${load()}`);
