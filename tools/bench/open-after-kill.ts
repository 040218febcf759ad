// How long a large drive takes to open after kill -9, with three live bitmaps that record:
//   pnpm bench open [FOLDER]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDrive, openDrive, openDriveBitmaps } from '@tidemark/drive';
import { openTrackedDrive, type TrackedDrive } from '@tidemark/tracking';
import { median } from './passes.ts';

const TiB = 2 ** 40;
const NAMES = ['a', 'b', 'c'];
const ROUNDS = 5;
/** All over the drive, so that bitmaps have clusters everywhere. */
const WRITES = 500;

type Format = 'raw' | 'qcow2';

/** Milliseconds until it records, and the drive. */
async function open(path: string, format: Format, { create }: { readonly create: boolean }) {
  const begun = performance.now();
  const drive = await openDrive(path, { access: 'write', format });
  const { store } = await openDriveBitmaps(drive, { create });
  const tracked = await openTrackedDrive({
    device: drive.device,
    label: path,
    stores: [store!],
    writable: true,
    durability: 'live',
    select: create ? NAMES.map((name) => ({ name, create, granularity: 65_536 })) : [],
  });
  return { took: performance.now() - begun, tracked };
}

async function scatter({ device }: TrackedDrive): Promise<void> {
  const step = Math.floor(device.size / WRITES / 4096) * 4096;
  for (let count = 0; count < WRITES; count++) {
    await device.write(new Uint8Array(4096), count * step);
  }
}

/** Opens, writes, and waits to be killed. */
async function victim(path: string, format: Format, create: boolean): Promise<void> {
  const { tracked } = await open(path, format, { create });
  await scatter(tracked);
  process.stdout.write('written\n');
  setInterval(() => {}, 1000);
}

async function killOne(path: string, format: Format, create: boolean): Promise<void> {
  const args = ['--conditions=@tidemark/source', fileURLToPath(import.meta.url)];
  const child = spawn(process.execPath, [...args, 'victim', path, format, create ? 'create' : '']);
  child.stderr.pipe(process.stderr);
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'close');
}

async function measure(path: string, format: Format, size: number): Promise<void> {
  await (await createDrive(path, { format, size })).device.close();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await killOne(path, format, round === 0);
    const { took, tracked } = await open(path, format, { create: false });
    const bitmaps = await tracked.list();
    const isSound = bitmaps.every(({ inconsistent, count }) => !inconsistent && count > 0);
    if (!isSound || bitmaps.length < NAMES.length) throw new Error('a bitmap was lost');
    times.push(took);
    await tracked.close();
  }
  const [middle, worst] = [median(times), Math.max(...times)].map((time) => time.toFixed(0));
  console.info(
    `| ${format}, ${size / TiB} TiB, three bitmaps | ${middle} ms | ${worst} ms | < 1000 ms |`,
  );
}

const [first = '.', path = '', format = ''] = process.argv.slice(2);
if (first === 'victim') {
  await victim(path, format as Format, process.argv[5] === 'create');
} else {
  const dir = mkdtempSync(join(first, 'tidemark-bench-'));
  console.info(
    `| open after kill -9, load ${loadavg()[0]!.toFixed(1)} | median | worst | target |`,
  );
  console.info('| --- | --- | --- | --- |');
  try {
    await measure(join(dir, 'd.qcow2'), 'qcow2', 16 * TiB);
    await measure(join(dir, 'd.raw'), 'raw', 15 * TiB);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
