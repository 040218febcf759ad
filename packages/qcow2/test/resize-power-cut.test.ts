import { MemoryDevice } from '@tidemark/block';
import { RecordingDevice } from '@tidemark/block/testing';
import { type DirectoryEntry, DirtyBitmap } from '@tidemark/core';
import { expect, it } from 'vitest';
import { BitmapDirectory, createQcow2, openQcow2, type Qcow2Image } from '../src/index.ts';
import { checkImage } from './support/check-image.ts';
import { expectSame, readAll } from './support/images.ts';
import { powerCuts } from './support/power-cuts.ts';
import { TestDevice } from './support/test-device.ts';

const KIB = 1024;
const SIZE = 40 * KIB + 512;
const ENTRIES: readonly DirectoryEntry[] = [
  { name: 'a', granularity: 512, enabled: true, inUse: false },
  { name: 'b', granularity: 4096, enabled: false, inUse: false },
];

/** A resize of image and bitmaps, as a store makes it. */
async function resize(directory: BitmapDirectory, diskSize: number): Promise<void> {
  const contents = new Map<string, DirtyBitmap>();
  for (const { name } of ENTRIES) {
    const content = await directory.readContent(name);
    content.resize(diskSize, { grown: 'dirty' });
    contents.set(name, content);
  }
  await directory.replace(ENTRIES, contents, { diskSize });
}

async function pictureOf(image: Qcow2Image): Promise<unknown> {
  const directory = await BitmapDirectory.open({ image: image.metadata });
  const bitmaps: unknown[] = [];
  for (const { name } of directory.records) {
    const bits = await directory.readContent(name);
    bitmaps.push([name, bits.diskSize, bits.sha256()]);
  }
  const content = Buffer.from(await readAll(image)).toString('latin1');
  return { size: image.size, bitmaps, content };
}

/** Sizes that need a larger L1 table, and that do not; in whole clusters, and not. */
const SIZES = [200 * KIB, 100 * KIB + 512, 3 * KIB, 3000 * KIB, 1000 * KIB, 512, SIZE];

it('A17: size, L1 table and bitmaps change at once, wherever the power fails', async () => {
  const memory = new MemoryDevice({ size: 0 });
  await createQcow2(memory, { size: SIZE, clusterSize: 512 });
  const recorder = await RecordingDevice.startOn(memory);
  const image = await openQcow2(recorder, { writable: true });
  await image.write(new Uint8Array(SIZE).fill(1), 0);
  const directory = await BitmapDirectory.open({ image: image.metadata });
  const made = ENTRIES.map(({ name, granularity }) => {
    const content = new DirtyBitmap(SIZE, granularity);
    content.set(10 * KIB, 1);
    return [name, content] as const;
  });
  await directory.replace(ENTRIES, new Map(made));
  await image.flush();

  const ends = [{ count: recorder.events.length, picture: await pictureOf(image) }];
  let model = new Uint8Array(SIZE).fill(1);
  for (const [step, size] of SIZES.entries()) {
    await resize(directory, size);
    model = Uint8Array.from({ length: size }, (_, at) => model[at] ?? 0);
    // Where a shrink is followed by a grow, what was cut off must not come back.
    expectSame(await readAll(image), model);
    ends.push({ count: recorder.events.length, picture: await pictureOf(image) });
    model.fill(2 + step, size - 512);
    await image.write(new Uint8Array(512).fill(2 + step), size - 512);
    await image.flush();
    ends.push({ count: recorder.events.length, picture: await pictureOf(image) });
  }

  let met = 0;
  for await (const { bytes, count, name } of powerCuts(recorder, { seed: 4, torn: 1, every: 5 })) {
    if (count < ends[0]!.count) continue;
    met++;
    expect({ name, found: checkImage(bytes).corruptions }).toEqual({ name, found: [] });
    const cut = await openQcow2(new TestDevice({ bytes, writable: false }));
    const found = await pictureOf(cut);
    const after = ends.findIndex((end) => end.count >= count);
    const allowed = [ends[Math.max(0, after - 1)]!, ends[after]!].map(({ picture }) => picture);
    expect({ name, isAllowed: allowed.some((one) => isSame(one, found)) }).toEqual({
      name,
      isAllowed: true,
    });
  }
  expect(met).toBeGreaterThan(50);
});

function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
