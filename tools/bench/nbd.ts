// What serving drives over NBD costs, beside QEMU's servers, two live bitmaps recording in ours:
//   pnpm bench nbd [ROUNDS] [PART] [FOLDER] [DISK]
// after `pnpm run build`. PART: raw, disk, cold, qcow2, tracking, memory, start, or all. FOLDER is in memory,
// DISK on a disk. docs/performance.md has the last figures.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Rivals, type Row, table } from './nbd/contest.ts';
import { filled, withBitmaps } from './nbd/drives.ts';
import { cold, fio, type Load, nbdcopy } from './nbd/loads.ts';
import { memoryOf } from './nbd/process-cost.ts';
import { type BenchServer, qemuNbd, storageDaemon, tidemarkd } from './nbd/servers.ts';
import { startUp } from './nbd/start-up.ts';

const [rounds = '7', part = 'all', folder = '/dev/shm', disk = tmpdir()] = process.argv.slice(2);
const ROUNDS = Number(rounds);
const dir = mkdtempSync(join(folder, 'tidemark-bench-'));
const onDisk = mkdtempSync(join(disk, 'tidemark-bench-'));

const row = (what: string, load: Load, target: string): Row => ({ what, load, target });

/** Reads and writes of 4 KiB at random. */
const small = (depths: readonly number[], target: (depth: number, way: string) => string) =>
  depths.flatMap((depth) =>
    ['read', 'write'].map((way) =>
      row(`4 KiB random ${way}, QD${depth}`, fio(`rand${way}`, '4k', depth), target(depth, way)),
    ),
  );
const large = (sizes: readonly string[], target: string) =>
  sizes.flatMap((bs) =>
    ['read', 'write'].map((way) => row(`${bs} sequential ${way}, QD4`, fio(way, bs, 4), target)),
  );

async function against(
  title: string,
  starting: readonly [Promise<BenchServer>, Promise<BenchServer>],
  rows: readonly Row[],
): Promise<void> {
  const [ours, theirs] = await Promise.all(starting);
  const rivals: Rivals = { ours, theirs };
  try {
    // Regions that were never written are opened by a pass that is not measured.
    for (const server of [ours, theirs]) await fio('write', '1m', 4)(server);
    await table(title, rivals, rows, ROUNDS);
  } finally {
    await ours.stop();
    await theirs.stop();
  }
}

const twoBitmaps = { bitmaps: 2 };

const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  raw() {
    const [a, b] = [filled(dir, 'a', 'raw'), filled(dir, 'b', 'raw')];
    return against(
      'Raw, in memory, against qemu-nbd',
      [tidemarkd(dir, a, twoBitmaps), qemuNbd(dir, b)],
      [
        ...small([16, 64], () => '×2.3, CPU 1/3'),
        ...small([1], () => '×1.5'),
        ...large(['64k', '256k'], '×1, CPU 1/1.5'),
        ...large(['1m'], '×2.5'),
        row('nbdcopy read, 4 connections (MiB)', nbdcopy('read', b.path), '×2.5'),
        row('nbdcopy write, 4 connections (MiB)', nbdcopy('write', b.path), '×2'),
      ],
    );
  },
  disk() {
    const [a, b] = [filled(onDisk, 'c', 'raw'), filled(onDisk, 'd', 'raw')];
    const target = (depth: number, way: string) =>
      way === 'write' ? '×1.6' : depth === 1 ? '×0.9' : '×1.4';
    return against(
      'Raw, on a disk, in the cache, against qemu-nbd --aio=io_uring',
      [tidemarkd(dir, a, twoBitmaps), qemuNbd(dir, b, '--aio=io_uring')],
      small([1, 16, 64], target),
    );
  },
  cold() {
    const [a, b] = [filled(onDisk, 'e', 'raw'), filled(onDisk, 'f', 'raw')];
    const reads = [16, 64].map((depth) =>
      row(
        `cold 4 KiB random read, QD${depth}`,
        cold([a.path, b.path], fio('randread', '4k', depth)),
        '×1',
      ),
    );
    return against(
      'Raw, on a disk, not in the cache, against qemu-nbd',
      [tidemarkd(dir, a, twoBitmaps), qemuNbd(dir, b)],
      reads,
    );
  },
  qcow2() {
    const a = filled(dir, 'g', 'qcow2');
    const b = withBitmaps(filled(dir, 'h', 'qcow2'), 2);
    return against(
      'qcow2 with two bitmaps, in memory, against qemu-storage-daemon',
      [tidemarkd(dir, a, twoBitmaps), storageDaemon(dir, b)],
      [...small([1, 16, 64], (depth) => (depth === 1 ? '×1.5' : '×2')), ...large(['1m'], '×2')],
    );
  },
  async tracking() {
    const [a, b] = [filled(dir, 'i', 'raw'), filled(dir, 'j', 'raw')];
    const writes = [
      row('4 KiB random write, QD16', fio('randwrite', '4k', 16), '×0.97, CPU 1/0.97'),
    ];
    await against(
      'Steady state, tracked against untracked, both ours',
      [tidemarkd(dir, a, twoBitmaps), tidemarkd(dir, b, { bitmaps: 0 })],
      writes,
    );
    const first = await tidemarkd(dir, filled(dir, 'k', 'raw'), twoBitmaps);
    const { rate, cpu } = await fio('randwrite', '4k', 16)(first);
    console.info(`\nfirst pass of that: ${rate.toFixed(0)} ops/s, ${cpu.toFixed(1)} µs/op`);
    await first.stop();
  },
  async memory() {
    const server = await tidemarkd(dir, filled(dir, 'l', 'raw'), twoBitmaps);
    for (const way of ['read', 'write']) await fio(way, '1m', 16)(server);
    const most = memoryOf(server.pid).most / 2 ** 20;
    console.info(
      `\nmemory under 1 MiB, QD16: ${most.toFixed(0)} MiB at most (target 100 + bitmaps)`,
    );
    await server.stop();
  },
  start: () => startUp(dir, ROUNDS),
};

const load = () =>
  loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');

try {
  console.info(`${cpus().length} x ${cpus()[0]!.model}, Node ${process.version}, load ${load()}`);
  console.info(`${ROUNDS} rounds; medians, and of ratios the median of those of each round`);
  for (const [name, run] of Object.entries(PARTS)) if (part === 'all' || part === name) await run();
} finally {
  rmSync(dir, { recursive: true });
  rmSync(onDisk, { recursive: true });
}
console.info(`\nload ${load()}`);
