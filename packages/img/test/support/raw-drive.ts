import { readFileSync, writeFileSync } from 'node:fs';
import { openFileDevice } from '@tidemark/block';
import { type BitmapStore, DirtyBitmap } from '@tidemark/core';
import {
  convertSidecar,
  createSidecar,
  lendSidecar,
  openSidecarStore,
} from '@tidemark/store-sidecar';

const GRANULE = 65_536;

/** A raw drive of 1 MiB, with a sidecar in which `records` records and `rests` does not: both clean. */
export async function makeDrive(path: string, size = 1024 * 1024): Promise<string> {
  writeFileSync(path, Buffer.alloc(size, 1));
  const sidecar = `${path}.tidemark.qcow2`;
  const made = await openFileDevice(sidecar, { writable: true, create: 'exclusive', lock: false });
  await createSidecar(made, { diskSize: size });
  await made.close();
  const content = new DirtyBitmap(size, GRANULE);
  await withBitmaps(path, (store) =>
    store.commit([
      { op: 'create', name: 'records', enabled: true, content },
      { op: 'create', name: 'rests', enabled: false, content },
    ]),
  );
  return sidecar;
}

/** Makes a sidecar one that QEMU can run on. */
export async function toDataFile(path: string): Promise<void> {
  await using drive = await openFileDevice(path);
  const sidecar = await openFileDevice(`${path}.tidemark.qcow2`, { writable: true });
  await convertSidecar({ drive, sidecar, dataFile: { name: path } });
}

/** Lends a drive to QEMU whose sidecar it can run on. */
export async function lend(path: string): Promise<void> {
  await using drive = await openFileDevice(path);
  const sidecar = await openFileDevice(`${path}.tidemark.qcow2`, { writable: true });
  await lendSidecar({ drive, sidecar });
}

/** As whoever opens the drive next finds its bitmaps: the dirty granules, or the state. */
export async function bitmapsOf(path: string): Promise<Readonly<Record<string, unknown>>> {
  return withBitmaps(path, async (store) => {
    const found: Record<string, unknown> = {};
    for (const { name, state } of await store.list()) {
      found[name] = state === 'stored' ? granulesOf(await store.load(name)) : state;
    }
    return found;
  });
}

function granulesOf(bitmap: DirtyBitmap): readonly number[] {
  const bytes = new Uint8Array(bitmap.serializedLength);
  bitmap.serialize(bytes, 0);
  const count = Math.ceil(bitmap.diskSize / bitmap.granularity);
  const isSet = (bit: number) => ((bytes[bit >> 3]! >> (bit & 7)) & 1) === 1;
  return Array.from({ length: count }, (_, bit) => bit).filter(isSet);
}

async function withBitmaps<T>(path: string, work: (store: BitmapStore) => Promise<T>): Promise<T> {
  await using drive = await openFileDevice(path);
  const sidecar = await openFileDevice(`${path}.tidemark.qcow2`, { writable: true });
  await using store = await openSidecarStore({ drive, sidecar });
  return await work(store);
}

export const bytesOf = (...paths: readonly string[]): string =>
  paths.map((path) => readFileSync(path).toString('base64')).join();
