import { copyToMemory, RecordingDevice } from '@tidemark/block/testing';
import { DirtyBitmap, type DirectoryEntry, type StoredMerge } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { readTable } from '../src/bitmaps/read-content.ts';
import { BitmapDirectory, openQcow2 } from '../src/index.ts';
import { BitmapLog, knownOf } from './support/bitmap-log.ts';
import { bitmapOf, newBitmaps, openBitmaps, put } from './support/bitmaps.ts';
import { checkImage } from './support/check-image.ts';
import { powerCuts } from './support/power-cuts.ts';
import { TestDevice } from './support/test-device.ts';
import { randomOf } from './support/workload.ts';

const GRANULARITY = 512;
/** Bytes of disk to a cluster of bits, with clusters of 512 bytes. */
const COVERAGE = 512 * 8 * GRANULARITY;

/** Runs that are clean, dirty or mixed, some of them a cluster of bits and longer. */
function randomBitmap(size: number, random: (below: number) => number): DirtyBitmap {
  const content = new DirtyBitmap(size, GRANULARITY);
  for (let at = 0; at < size;) {
    const length = Math.min(size - at, (1 + random(3)) * COVERAGE - random(2) * random(COVERAGE));
    const kind = random(3);
    if (kind === 1) content.set(at, length);
    if (kind === 2) for (let i = 0; i < 5; i++) content.set(at + random(length), 1);
    at += length;
  }
  return content;
}

/** `name` becomes what `merge` says; all others stay. */
async function merge(directory: BitmapDirectory, name: string, merged: StoredMerge) {
  const entries: readonly DirectoryEntry[] = directory.records;
  await directory.replace(entries, new Map(), { merges: new Map([[name, merged]]) });
}

const named = ({ records }: BitmapDirectory, ...names: readonly string[]) =>
  records.filter(({ name }) => names.includes(name));

describe('bits that are merged where they lie', () => {
  it.each(Array.from({ length: 12 }, (_, i) => i + 1))(
    'are what a merge makes: %i',
    async (seed) => {
      const random = randomOf(seed);
      // Up to 40 clusters of bits, the last one cut anywhere.
      const size = 512 * (1 + random((40 * COVERAGE) / 512));
      const opened = await newBitmaps({ size, clusterSize: 512 });
      const [a, b, c] = [1, 2, 3].map(() => randomBitmap(size, random));
      for (const [name, content] of Object.entries({ a, b, c })) await put(opened, name, content!);
      const base = random(2) === 0 ? randomBitmap(size, random) : undefined;
      const isOnto = random(2) === 0;
      const sources = named(opened.directory, ...(isOnto ? ['a'] : []), 'b', 'c');
      await merge(opened.directory, 'a', { ...(base && { base }), sources });
      // Counts of what was given back are written with the next flush.
      await opened.image.flush();

      const expected = base?.clone() ?? new DirtyBitmap(size, GRANULARITY);
      for (const each of isOnto ? [a, b, c] : [b, c]) expected.merge(each!);
      const again = await openBitmaps(opened.device.bytes, { writable: false });
      const found = await Promise.all(
        'abc'.split('').map((name) => again.directory.readContent(name)),
      );
      expect(found.map((content) => content.sha256())).toEqual(
        [expected, b, c].map((content) => content!.sha256()),
      );
      expect(checkImage(opened.device.bytes)).toEqual({ corruptions: [], leaks: 0, behindEnd: 0 });
      expect(opened.notices).toEqual([]);

      // A table keeps what is all zeros or all ones: QEMU's own has only the former.
      const [record] = named(again.directory, 'a');
      const table = await readTable(again.image.metadata, record!);
      const kinds = Array.from(table, (entry) =>
        entry > 1 ? 'mixed' : entry === 1 ? 'ones' : 'zeros',
      );
      const last = table.length - 1;
      const wanted = kinds.map((_, index) => expected.contentOf(index * 512, 512));
      expect(kinds.slice(0, last)).toEqual(wanted.slice(0, last));
    },
  );

  it('are what a merge makes of more tables than are kept in memory', async () => {
    // 120 tables of 160 KiB.
    const size = 20_600 * COVERAGE + 512;
    const opened = await newBitmaps({ size, clusterSize: 512 });
    const names = Array.from({ length: 120 }, (_, i) => `b${i}`);
    const random = randomOf(5);
    const expected = new DirtyBitmap(size, GRANULARITY);
    const contents = new Map<string, DirtyBitmap>();
    for (const name of names) {
      const content = new DirtyBitmap(size, GRANULARITY);
      for (let i = 0; i < 3; i++) content.set(random(20_600) * COVERAGE + random(COVERAGE), 1);
      content.set(random(20_598) * COVERAGE, 2 * COVERAGE);
      content.set(size - 1, 1);
      expected.merge(content);
      contents.set(name, content);
    }
    const made = names.map((name) => {
      return { name, granularity: GRANULARITY, enabled: true, inUse: false };
    });
    await opened.directory.replace(made, contents);
    await merge(opened.directory, 'b7', { sources: opened.directory.records });
    const again = await openBitmaps(opened.device.bytes, { writable: false });
    expect((await again.directory.readContent('b7')).sha256()).toBe(expected.sha256());
    const other = (await again.directory.readContent('b8')).sha256();
    expect(other).toBe(contents.get('b8')!.sha256());
  });

  it('keep bits behind the end clear, whatever an all-ones entry says of them', async () => {
    const size = COVERAGE + 5 * GRANULARITY;
    const opened = await newBitmaps({ size, clusterSize: 512 });
    await put(opened, 'a', bitmapOf(size, { granularity: GRANULARITY }));
    await put(opened, 'b', bitmapOf(size, { granularity: GRANULARITY, dirty: [[0, 1]] }));
    const [a] = named(opened.directory, 'a');
    const { bytes } = opened.device;
    new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(a!.tableOffset + 8, 1n);
    const edited = await openBitmaps(bytes);
    await merge(edited.directory, 'b', { sources: named(edited.directory, 'a', 'b') });
    const expected = bitmapOf(size, {
      granularity: GRANULARITY,
      dirty: [
        [0, 1],
        [COVERAGE, 5 * GRANULARITY],
      ],
    });
    const again = await openBitmaps(edited.device.bytes, { writable: false });
    expect((await again.directory.readContent('b')).sha256()).toBe(expected.sha256());
    const [record] = named(again.directory, 'b');
    const [, last] = await readTable(again.image.metadata, record!);
    const data = again.device.bytes.subarray(last, last! + 512);
    expect(data[0]).toBe(0b1_1111);
    expect(data.subarray(1).every((byte) => byte === 0)).toBe(true);
  });

  it('are not made of bits that lie behind the end of the file', async () => {
    const size = 4 * COVERAGE;
    const opened = await newBitmaps({ size, clusterSize: 512 });
    for (const name of 'ab') {
      await put(opened, name, bitmapOf(size, { granularity: GRANULARITY, dirty: [[0, 1]] }));
    }
    const [a] = named(opened.directory, 'a');
    const { bytes } = opened.device;
    new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(a!.tableOffset, 2n ** 40n);
    const edited = await openBitmaps(bytes);
    const before = edited.device.bytes.slice();
    const sources = named(edited.directory, 'a', 'b');
    await expect(merge(edited.directory, 'b', { sources })).rejects.toMatchObject({
      code: 'IMAGE_CORRUPT',
    });
    const again = await openBitmaps(edited.device.bytes, { writable: false });
    expect(await knownOfB(again.directory)).toEqual(
      await knownOfB((await openBitmaps(before, { writable: false })).directory),
    );
  });

  it('are old or new after a power cut, and so is the bitmap that goes with them', async () => {
    const size = 6 * COVERAGE;
    const opened = await newBitmaps({ size, clusterSize: 512 });
    const random = randomOf(7);
    for (const name of 'abc') await put(opened, name, randomBitmap(size, random));
    const { bytes } = opened.device;
    const device = await RecordingDevice.startOn(await copyToMemory(new TestDevice({ bytes })));
    const image = await openQcow2(device, { writable: true });
    const directory = await BitmapDirectory.open({ image: image.metadata });
    const log = new BitmapLog(device, await knownOf(directory));
    await log.step(directory, () =>
      merge(directory, 'a', { sources: named(directory, 'a', 'b', 'c') }),
    );
    await log.step(directory, async () => {
      const merges = new Map([['c', { sources: named(directory, 'b', 'c') }]]);
      await directory.replace(named(directory, 'a', 'c'), new Map(), { merges });
    });
    for await (const { bytes: cut, count, name } of powerCuts(device, { seed: 3, torn: 3 })) {
      expect({ name, found: checkImage(cut).corruptions }).toEqual({ name, found: [] });
      const found = await openBitmaps(cut, { writable: false });
      expect([name, ...log.possibleAt(count)]).toContainEqual(await knownOf(found.directory));
    }
  });
});

async function knownOfB(directory: BitmapDirectory): Promise<string> {
  return (await directory.readContent('b')).sha256();
}
