import { hash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { copyIncrement } from '@tidemark/backup';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { createWholeImage, openDrive, openDriveBitmaps } from '@tidemark/drive';
import { DirectoryObjectStore } from '@tidemark/object-store';
import { backUpDrives, createRepository, type DriveToBackUp } from '@tidemark/repository';
import { BITMAP, GRANULE, type Increment } from './increment.ts';

const MICRO = 1e-6;

/** Seconds and processor seconds of this process while `work` runs. */
async function timed<T>(work: () => Promise<T>): Promise<{ wall: number; cpu: number; result: T }> {
  const before = process.cpuUsage();
  const begun = performance.now();
  const result = await work();
  const wall = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { wall, cpu: (user + system) * MICRO, result };
}

async function open(increment: Increment) {
  const drive = await openDrive(increment.path, { access: 'read' });
  const { store } = await openDriveBitmaps(drive);
  const content = await store!.load(BITMAP);
  await store!.close();
  return { drive, content };
}

/** What is dirty into a new qcow2 image, durable at the end. */
export async function toImage(increment: Increment, path: string) {
  rmSync(path, { force: true });
  const { drive, content } = await open(increment);
  const { size } = increment;
  const about = { size, clusterSize: GRANULE, expected: content.dirtyBytes };
  const { wall, cpu, result } = await timed(() =>
    createWholeImage(path, about, (target) =>
      copyIncrement({ source: drive.device, content, target, unit: GRANULE }),
    ),
  );
  await drive.device.close();
  return { wall, cpu, read: result.read };
}

/** The same into a repository, on top of a point that is all zeros; no compression. */
export async function toRepository(increment: Increment, path: string) {
  rmSync(path, { recursive: true, force: true });
  const { drive, content } = await open(increment);
  await using store = new DirectoryObjectStore(path);
  const repository = await createRepository(store, { compression: 'none' });
  const about = { id: 'bench', label: 'bench', format: 'qcow2' };
  let began: string | undefined;
  const bitmap = (bits: DirtyBitmap) => ({
    name: BITMAP,
    content: bits,
    checkpoint: began,
    onDurable: async (checkpoint: string) => {
      began = checkpoint;
    },
  });
  const empty = new MemoryDevice({ size: increment.size });
  const clean = bitmap(new DirtyBitmap(increment.size, GRANULE));
  const run = (one: DriveToBackUp) => backUpDrives({ repository, drives: [one] });
  await run({ source: empty, drive: about, bitmap: clean });
  const { wall, cpu } = await timed(() =>
    run({ source: drive.device, drive: about, bitmap: bitmap(content) }),
  );
  await drive.device.close();
  return { wall, cpu };
}

/**
 * All of the drive into a new repository, without compression. Seconds; of SHA-256 alone as well; and
 * the most memory that this process has had, in bytes.
 */
export async function full(increment: Increment, path: string) {
  rmSync(path, { recursive: true, force: true });
  const drive = await openDrive(increment.path, { access: 'read' });
  await using store = new DirectoryObjectStore(path);
  const repository = await createRepository(store, { compression: 'none' });
  const about = { id: 'bench', label: 'bench', format: 'qcow2' };
  const one: DriveToBackUp = { source: drive.device, drive: about };
  const { wall } = await timed(() => backUpDrives({ repository, drives: [one] }));
  await drive.device.close();
  const granule = randomBytes(GRANULE);
  const hashed = await timed(async () => {
    for (let at = 0; at < increment.size; at += GRANULE) hash('sha256', granule, 'buffer');
  });
  return { wall, hashing: hashed.wall, memory: process.resourceUsage().maxRSS * 1024 };
}

/** Seconds of a backup of 1 TiB of which nothing is dirty. */
export async function unchanged(path: string): Promise<number> {
  await using store = new DirectoryObjectStore(path);
  const repository = await createRepository(store, { compression: 'none' });
  const source = new MemoryDevice({ size: 2 ** 40 });
  let began: string | undefined;
  const run = () =>
    backUpDrives({
      repository,
      drives: [
        {
          source,
          drive: { id: 'bench', label: 'bench', format: 'raw' },
          bitmap: {
            name: BITMAP,
            content: new DirtyBitmap(source.size, GRANULE),
            checkpoint: began,
            onDurable: async (checkpoint) => {
              began = checkpoint;
            },
          },
        },
      ],
    });
  await run();
  return (await timed(run)).wall;
}
