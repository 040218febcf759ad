import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import { copyToMemory, powerCut, RecordingDevice } from '@tidemark/block/testing';
import { type BitmapStore, DirtyBitmap } from '@tidemark/core';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { expect, it } from 'vitest';
import { describeWithQemu, sh, tempDir } from '../../../tools/qemu.ts';
import { qemuBitmaps } from '../../../tools/qemu-bitmaps.ts';
import { openQcow2Store } from '../src/index.ts';

const SIZE = 1024 * 1024;

function content(...dirty: readonly number[]): DirtyBitmap {
  const bitmap = new DirtyBitmap(SIZE, 512);
  for (const offset of dirty) bitmap.set(offset, 1);
  return bitmap;
}

/** One after the other; each is done or not done, whenever the power fails. */
const STEPS: readonly ((store: BitmapStore) => Promise<unknown>)[] = [
  (store) => store.commit([{ op: 'create', name: 'a', enabled: true, content: content(0) }]),
  (store) => store.acquire(['a']),
  (store) =>
    store.commit([
      { op: 'store', name: 'a', content: content(0, 4096) },
      { op: 'create', name: 'b', enabled: false, content: content(SIZE - 1) },
    ]),
  (store) => store.acquire(['a', 'b']),
  (store) =>
    store.commit([
      { op: 'store', name: 'b', enabled: true, content: content() },
      { op: 'remove', name: 'a' },
      { op: 'create', name: 'c', enabled: true, content: content(512), acquire: true },
    ]),
  (store) => store.commit([{ op: 'store', name: 'c', content: content(512) }]),
  (store) => store.commit([{ op: 'switch', name: 'b', enabled: false }]),
  (store) => store.commit([{ op: 'merge', name: 'b', sources: ['c', content(SIZE - 1)] }]),
  (store) => store.commit([{ op: 'clear', name: 'c' }]),
  // A new bitmap takes over from an old one.
  (store) =>
    store.commit([
      { op: 'merge', name: 'c', sources: ['b'] },
      { op: 'remove', name: 'b' },
      { op: 'create', name: 'b', enabled: true, content: content() },
    ]),
  (store) => store.resize(2 * SIZE),
  (store) => store.resize(SIZE / 2),
  (store) =>
    store.commit([
      { op: 'remove', name: 'b' },
      { op: 'remove', name: 'c' },
    ]),
];

/** All that a reader of the image is told of its bitmaps, bits included. */
async function pictureOf(device: BlockDevice): Promise<unknown> {
  const store = await openQcow2Store(await openQcow2(device, { writable: false }));
  const bitmaps = [];
  const { diskSize } = store;
  for (const { name, enabled, state } of await store.list()) {
    const bits = state === 'stored' ? (await store.load(name)).sha256() : 'none';
    bitmaps.push({ name, enabled, state, bits });
  }
  return { diskSize, bitmaps };
}

describeWithQemu('a power cut under store-qcow2', ['qemu-img'], () => {
  const dir = tempDir();

  it('leaves the bitmaps as before or after a change, and an image that QEMU finds sound', async () => {
    const memory = new MemoryDevice({ size: 0 });
    await createQcow2(memory, { size: SIZE, clusterSize: 512 });
    const recorder = await RecordingDevice.startOn(memory);
    const store = await openQcow2Store(await openQcow2(recorder, { writable: true }));
    const ends = [{ at: 0, picture: await pictureOf(await copyToMemory(memory)) }];
    for (const step of STEPS) {
      await step(store);
      ends.push({
        at: recorder.events.length,
        picture: await pictureOf(await copyToMemory(memory)),
      });
    }

    const { base, events } = recorder;
    const path = join(dir, 'cut.qcow2');
    for (let at = 0; at <= events.length; at++) {
      const step = ends.findLastIndex((end) => end.at <= at);
      const [before, after] = [ends[step]!, ends[Math.min(step + 1, STEPS.length)]!];
      const allowed = before.at === at ? [before.picture] : [before.picture, after.picture];
      for (const [losing, keeps] of [
        ['all', () => false],
        ['nothing', () => true],
        ['every other write', (index: number) => index % 2 === at % 2],
        ['every other sector', () => (sector: number) => sector % 2 === at % 2],
      ] as const) {
        const disk = await powerCut(base, events.slice(0, at), keeps);
        const found = await pictureOf(disk);
        expect(allowed).toContainEqual(found);
        // QEMU takes its time: it looks at the two extremes.
        if (losing.startsWith('every')) continue;
        const bytes = new Uint8Array(disk.size);
        await disk.read(bytes, 0);
        writeFileSync(path, bytes);
        const check = await sh('qemu-img', 'check', '--output=json', path);
        const { corruptions = 0, 'check-errors': errors } = JSON.parse(check.stdout);
        expect({ at, losing, corruptions, errors }).toEqual({
          at,
          losing,
          corruptions: 0,
          errors: 0,
        });
        const bitmaps = (await qemuBitmaps(path)).map(({ name }) => ({ name }));
        expect(found).toMatchObject({ bitmaps });
      }
    }
  }, 240_000);
});
