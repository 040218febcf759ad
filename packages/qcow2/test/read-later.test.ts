import { MemoryDevice } from '@tidemark/block';
import type { DirtyBitmap } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { BitmapDirectory, createQcow2, openQcow2 } from '../src/index.ts';
import { bitmapOf, put } from './support/bitmaps.ts';

const GRANULE = 512;
/** Bits of 40 KiB and a bit: clusters with data, one that is all ones, and one without bits. */
const SIZE = 10 * 32_768 * GRANULE + 700;
const PART = 32_768 * GRANULE;
const dirty: readonly (readonly [number, number])[] = [
  [0, GRANULE],
  [2 * PART, 3 * PART],
  [7 * PART + 5 * GRANULE, GRANULE],
  [SIZE - 1, 1],
];

/** An image that can be read in the same tick, or cannot any more. */
class Disk extends MemoryDevice {
  isReadable = true;
  reads = 0;

  override async read(target: Uint8Array, offset: number): Promise<void> {
    if (!this.isReadable) throw new Error('gone');
    await super.read(target, offset);
  }

  override readBlocking(target: Uint8Array, offset: number): boolean {
    this.reads += 1;
    return this.isReadable && super.readBlocking(target, offset);
  }
}

async function opened(clusterSize: number) {
  const disk = new Disk({ size: 0 });
  await createQcow2(disk, { size: 1024 * PART, clusterSize });
  const notices: string[] = [];
  const image = await openQcow2(disk, { writable: true });
  const onNotice = (message: string) => void notices.push(message);
  const about = { image: image.metadata, diskSize: SIZE, onNotice };
  const directory = await BitmapDirectory.open(about);
  await put({ directory }, 'a', bitmapOf(SIZE, { granularity: GRANULE, dirty }));
  const exact = bitmapOf(SIZE, { granularity: GRANULE, dirty });
  return { disk, image, directory, notices, exact };
}

const isSame = (content: DirtyBitmap, exact: DirtyBitmap) => content.sha256() === exact.sha256();

describe.each([512, 4096, 65_536])(
  'bits in clusters of %i bytes that are read later',
  (cluster) => {
    it('are those that lie there, and none is read before', async () => {
      const { disk, directory, exact } = await opened(cluster);
      const content = await directory.readContent('a', { later: true });
      // One, to see whether it can be done.
      expect(disk.reads).toBe(1);
      expect(content.allocatedBytes).toBe(0);
      expect(isSame(content, exact)).toBe(true);
      expect(content.count).toBe(exact.count);
    });

    it('are counted without being kept', async () => {
      const { disk, directory, exact } = await opened(cluster);
      const content = await directory.readContent('a', { later: true });
      await content.countAhead();
      const before = disk.reads;
      expect(content.count).toBe(exact.count);
      expect(disk.reads).toBe(before);
      expect(content.allocatedBytes).toBe(0);
    });

    it('are counted anew when some of them cannot be read any more', async () => {
      const { disk, directory, exact } = await opened(cluster);
      const content = await directory.readContent('a', { later: true });
      const copy = content.clone();
      expect(content.count).toBe(exact.count);
      disk.isReadable = false;
      expect(copy.isDirty(GRANULE)).toBe(true);
      // All of the first chunk, of which one bit is set.
      expect(content.count).toBe(exact.count + 32_767);
    });

    it('are read before they are written over where they lie', async () => {
      const { directory, exact } = await opened(cluster);
      const content = await directory.readContent('a', { later: true });
      const copy = content.clone();
      const live = await directory.openLive('a');
      for (let at = 0; at + 512 <= exact.serializedLength; at += 512) {
        await live.write(new Uint8Array(512).fill(0xff), at);
      }
      expect(isSame(content, exact)).toBe(true);
      expect(isSame(copy, exact)).toBe(true);
    });

    it('are read before their clusters are given to others', async () => {
      const { directory, image, exact } = await opened(cluster);
      const content = await directory.readContent('a', { later: true });
      const everything = bitmapOf(SIZE, { granularity: GRANULE, dirty: [[0, SIZE]] });
      await put({ directory }, 'a', bitmapOf(SIZE, { granularity: GRANULE }));
      // Takes what was given back.
      await image.write(new Uint8Array(4 << 20).fill(0xff), 0);
      expect(isSame(content, exact)).toBe(true);
      expect(isSame(content, everything)).toBe(false);
    });

    it('are dirty where they cannot be read, but to who asks what is so on disk', async () => {
      const { disk, directory, notices, exact } = await opened(cluster);
      const content = await directory.readContent('a', { later: true });
      const certain = content.clone({ unreadable: 'clean' });
      disk.isReadable = false;
      expect(content.isDirty(0) && content.isDirty(10 * GRANULE)).toBe(true);
      expect(content.nextClean(0)).toBe(cluster > 4096 ? -1 : PART);
      for (const { offset, length } of certain.dirtyExtents()) {
        expect(exact.nextClean(offset, offset + length)).toBe(-1);
      }
      expect(notices).toHaveLength(1);
      expect(notices[0]).toContain("bits of 'a' cannot be read, and count as dirty");
      disk.isReadable = true;
      // Not one thing now and another one later.
      expect(content.isDirty(10 * GRANULE)).toBe(true);
      expect(content.clone({ unreadable: 'clean' }).isDirty(0)).toBe(false);
    });

    it('are dirty where they are asked for after the file was closed', async () => {
      const { directory, image } = await opened(cluster);
      const content = await directory.readContent('a', { later: true });
      await image.close();
      expect(content.isDirty(10 * GRANULE)).toBe(true);
    });

    it('are read at once from a file that cannot be read in the same tick', async () => {
      const { disk, directory, exact } = await opened(cluster);
      disk.readBlocking = () => false;
      const content = await directory.readContent('a', { later: true });
      expect(isSame(content, exact)).toBe(true);
    });
  },
);
