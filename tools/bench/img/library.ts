import { closeSync, copyFileSync, fstatSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type BitmapChange, type BitmapStore, DirtyBitmap } from '@tidemark/core';
import { ioBuffer } from '@tidemark/block';
import { openDrive, openDriveBitmaps } from '@tidemark/drive';
import { median } from '../passes.ts';

export interface LibraryTimes {
  /** Milliseconds: of the first operation of its kind in a process, whose code is new to the engine. */
  readonly first: number;
  readonly median: number;
  readonly least: number;
}

const OPERATIONS: Readonly<Record<string, (store: BitmapStore) => readonly BitmapChange[]>> = {
  add: ({ diskSize }) => {
    const content = new DirtyBitmap(diskSize, GRANULARITY);
    return [{ op: 'create', name: 'new', enabled: true, content }];
  },
  clear: () => [{ op: 'clear', name: 'b0' }],
  merge: () => [{ op: 'merge', name: 'b0', sources: ['b1'] }],
};

/** What of a merge the system does: to read two bitmaps, and to write one. */
const ALONE = 'reads and writes of merge, alone';
const PIECE = 2 ** 20;
const GRANULARITY = 65_536;

function movesAlone(image: string, folder: string): number {
  const work = join(folder, 'work.qcow2');
  copyFileSync(image, work);
  const fd = openSync(work, 'r+');
  const { size } = fstatSync(fd);
  const bytes = ioBuffer(PIECE);
  const begun = performance.now();
  const bits = bytesOfBits(fd);
  const piece = Math.min(PIECE, bits);
  for (let at = 0; at < bits; at += piece) {
    readSync(fd, bytes, 0, piece, at);
    readSync(fd, bytes, 0, piece, bits + at);
    writeSync(fd, bytes, 0, piece, size + at);
  }
  const took = performance.now() - begun;
  closeSync(fd);
  rmSync(work);
  return took;
}

/** Of a bitmap of the image, by the size of the disk in its header. */
function bytesOfBits(fd: number): number {
  const field = Buffer.alloc(8);
  readSync(fd, field, 0, field.length, 24);
  return Number(field.readBigUInt64BE()) / GRANULARITY / 8;
}

/** Times of commits, each on a copy in `folder` of an image as it was made, open and locked. */
export async function libraryTimes(
  image: string,
  rounds: number,
  folder: string = join(image, '..'),
): Promise<Readonly<Record<string, LibraryTimes>>> {
  const times: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, changes] of Object.entries(OPERATIONS)) {
      (times[name] ??= []).push(await timeOf(image, folder, changes));
    }
    (times[ALONE] ??= []).push(movesAlone(image, folder));
  }
  return Object.fromEntries(
    Object.entries(times).map(([name, all]) => {
      return [name, { first: all[0]!, median: median(all), least: Math.min(...all) }];
    }),
  );
}

async function timeOf(
  image: string,
  folder: string,
  changes: (store: BitmapStore) => readonly BitmapChange[],
): Promise<number> {
  const work = join(folder, 'work.qcow2');
  copyFileSync(image, work);
  const drive = await openDrive(work, { format: 'qcow2', access: 'bitmaps' });
  const { store } = await openDriveBitmaps(drive);
  const begun = performance.now();
  await store!.commit(changes(store!));
  const took = performance.now() - begun;
  await store!.close();
  await drive.device.close();
  rmSync(work);
  return took;
}
