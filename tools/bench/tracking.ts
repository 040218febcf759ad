// What tracking costs, as ratios against an untracked drive that is written in turn with it:
//   pnpm bench tracking [FOLDER] [MiB] [ROUNDS]
// FOLDER decides the file system. docs/performance.md has the last figures.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { createDrive, openDrive, openDriveBitmaps } from '@tidemark/drive';
import { openTrackedDrive } from '@tidemark/tracking';
import { median, runPass, type Device, type Speeds } from './passes.ts';

const [folder = '.', mib = '512', rounds = '3'] = process.argv.slice(2);
const SIZE = Number(mib) * 2 ** 20;
const dir = mkdtempSync(join(folder, 'tidemark-bench-'));
const RANDOM = { length: 4096, isRandom: true };
const SEQUENTIAL = { length: 4096, isRandom: false };
const STREAM = { length: 65_536, isRandom: false };

type Format = 'raw' | 'qcow2';

/** A drive whose blocks are all there, so that nobody has to allocate. */
async function filled(name: string, format: Format): Promise<string> {
  const path = join(dir, `${name}.${format}`);
  const drive = await createDrive(path, { format, size: SIZE });
  const megabyte = new Uint8Array(2 ** 20).fill(1);
  for (let at = 0; at < SIZE; at += megabyte.length) await drive.device.write(megabyte, at);
  await drive.device.close();
  return path;
}

async function openTracked(path: string, format: Format, bitmaps: number) {
  const drive = await openDrive(path, { access: 'write', format });
  const { store } = await openDriveBitmaps(drive, { create: true });
  const names = Array.from({ length: bitmaps }, (_, index) => `b${index}`);
  const tracked = await openTrackedDrive({
    device: drive.device,
    label: path,
    stores: [store!],
    writable: true,
    durability: 'live',
    select: names.map((name) => ({ name, create: true, granularity: 65_536 })),
  });
  const remove = () => tracked.transaction(names.map((name) => ({ op: 'remove', name })));
  return { tracked, remove };
}

/** What one pass leaves to be written is not to slow the next one down. */
async function settle({ untracked, tracked }: Record<keyof Speeds, Device>): Promise<void> {
  await untracked.flush();
  await tracked.flush();
}

/** Once with new bitmaps, and once with what they have marked then. */
async function round(format: Format, bitmaps: number, pass: typeof RANDOM) {
  const plain = await openDrive(join(dir, `plain.${format}`), { access: 'write', format });
  const { tracked, remove } = await openTracked(join(dir, `tracked.${format}`), format, bitmaps);
  const devices = { untracked: plain.device, tracked: tracked.device };
  const first = await runPass(devices, pass);
  await settle(devices);
  const second = await runPass(devices, pass);
  await settle(devices);
  await remove();
  await tracked.close();
  await plain.device.close();
  return { first, second };
}

function report(what: string, speeds: readonly Speeds[], target: string): void {
  const ratio = median(speeds.map(({ tracked, untracked }) => tracked / untracked));
  const untracked = Math.round(median(speeds.map((speed) => speed.untracked)));
  const tracked = Math.round(median(speeds.map((speed) => speed.tracked)));
  console.info(
    `| ${what} | ${untracked} | ${tracked} | ${(ratio * 100).toFixed(0)} % | ${target} |`,
  );
}

/** What is done to the drives in turn: first passes over clean bitmaps, and how they are told. */
const FIRST_PASSES = [
  { pass: RANDOM, bitmaps: 1, what: 'first touch, random 4 KiB, one bitmap', target: '≥ 55 %' },
  {
    pass: SEQUENTIAL,
    bitmaps: 2,
    what: 'first pass, sequential 4 KiB, two bitmaps',
    target: '≥ 65 %',
  },
  { pass: STREAM, bitmaps: 2, what: 'first pass, sequential 64 KiB, two bitmaps', target: '' },
];

async function measure(format: Format): Promise<void> {
  for (const name of ['plain', 'tracked']) await filled(name, format);
  const found = FIRST_PASSES.map(() => [] as Awaited<ReturnType<typeof round>>[]);
  for (let count = 0; count < Number(rounds); count++) {
    for (const [index, { pass, bitmaps }] of FIRST_PASSES.entries()) {
      found[index]!.push(await round(format, bitmaps, pass));
    }
  }
  const steady = found[0]!.map(({ second }) => second);
  report(`${format}: steady state, random 4 KiB, one bitmap`, steady, '≥ 97 %');
  for (const [index, { what, target }] of FIRST_PASSES.entries()) {
    report(
      `${format}: ${what}`,
      found[index]!.map(({ first }) => first),
      target,
    );
  }
}

const load = () =>
  loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');
console.info(
  `${cpus().length} x ${cpus()[0]!.model}, Node ${process.version}, ${mib} MiB, load ${load()}`,
);
console.info('| pass | untracked, writes/s | tracked, writes/s | ratio | target |');
console.info('| --- | --- | --- | --- | --- |');
try {
  for (const format of ['raw', 'qcow2'] as const) await measure(format);
} finally {
  rmSync(dir, { recursive: true });
}
console.info(`load ${load()}`);
