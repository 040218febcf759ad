import { LIVE_SECTOR_BYTES } from '../live.ts';
import type { BitmapStore } from '../store.ts';
import type { Cases, Disk } from './contract-case.ts';
import { codeOf, create, load, makeBitmap, pictureOf, statesIn } from './helpers.ts';
import { LIVE_DISK, liveOf, NEW, OLD, sectorsOf, withLive, writeBits } from './live-helpers.ts';

/** A store with the live bitmap 'a' and the stored bitmap 'b', which hold the same. */
async function withTwo(disk: Disk): Promise<BitmapStore> {
  const bitmaps = await withLive(disk, 'a');
  await bitmaps.commit([create('b', OLD)]);
  return bitmaps;
}

export function liveBitsCases(cases: Cases): void {
  crashCases(cases);
  refusalCases(cases);
  closeCases(cases);
}

function crashCases({ it, expect }: Cases): void {
  it(
    'leaves through a crash what lay there when no bits were written',
    async (disk) => {
      const next = await disk.crash(await withTwo(disk));
      expect(await statesIn(next)).toEqual({ a: 'stored', b: 'stored' });
      expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap(OLD)));
    },
    LIVE_DISK,
  );

  it(
    'leaves through a crash the bits that were written and synced, and no others',
    async (disk) => {
      const bitmaps = await withTwo(disk);
      await writeBits(liveOf(bitmaps).bits('a'), NEW, [1, 3]);
      await liveOf(bitmaps).sync();
      const next = await disk.crash(bitmaps);
      expect(await statesIn(next)).toEqual({ a: 'stored', b: 'stored' });
      expect(await sectorsOf(next, 'a')).toEqual([0, 1, 0, 1]);
      expect(await load(next, 'b')).toEqual(pictureOf(makeBitmap(OLD)));
    },
    LIVE_DISK,
  );

  it(
    'leaves through a crash of bits that were not synced whole sectors, old or new',
    async (disk) => {
      const bitmaps = await withTwo(disk);
      const bits = liveOf(bitmaps).bits('a');
      await writeBits(bits, NEW, [2]);
      await liveOf(bitmaps).sync();
      await writeBits(bits, NEW, [0, 1, 3]);
      const [first, second, third, fourth] = await sectorsOf(await disk.crash(bitmaps), 'a');
      expect(third).toEqual(1);
      expect([first, second, fourth].includes(-1)).toEqual(false);
    },
    LIVE_DISK,
  );
}

function refusalCases({ it, expect }: Cases): void {
  it(
    'refuses bits that are not whole sectors of the bitmap',
    async (disk) => {
      const bitmaps = await withTwo(disk);
      const bits = liveOf(bitmaps).bits('a');
      const wrong = [
        [LIVE_SECTOR_BYTES, 1],
        [LIVE_SECTOR_BYTES - 1, 0],
        [LIVE_SECTOR_BYTES, -LIVE_SECTOR_BYTES],
        [LIVE_SECTOR_BYTES, 4 * LIVE_SECTOR_BYTES],
        [2 * LIVE_SECTOR_BYTES, 3 * LIVE_SECTOR_BYTES],
      ] as const;
      for (const [length, at] of wrong) {
        const bytes = new Uint8Array(length).fill(255);
        const isRefused = (await codeOf(bits.write(bytes, at))) !== 'not refused';
        expect([length, at, isRefused]).toEqual([length, at, true]);
      }
      expect(await sectorsOf(await disk.reopen(bitmaps), 'a')).toEqual([0, 0, 0, 0]);
    },
    LIVE_DISK,
  );
}

function closeCases({ it, expect }: Cases): void {
  it(
    'leaves the bits that were written when it is closed without a release',
    async (disk) => {
      const bitmaps = await withTwo(disk);
      await writeBits(liveOf(bitmaps).bits('a'), NEW);
      await liveOf(bitmaps).sync();
      const next = await disk.reopen(bitmaps);
      expect(await statesIn(next)).toEqual({ a: 'stored', b: 'stored' });
      expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap(NEW)));
    },
    LIVE_DISK,
  );

  it(
    'finishes the bits and the syncs that came before close',
    async (disk) => {
      const bitmaps = await withTwo(disk);
      const writing = writeBits(liveOf(bitmaps).bits('a'), NEW);
      const syncing = liveOf(bitmaps).sync();
      const next = await disk.reopen(bitmaps);
      await Promise.all([writing, syncing]);
      expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap(NEW)));
    },
    LIVE_DISK,
  );

  it(
    'refuses bits and syncs once it is closed',
    async (disk) => {
      const bitmaps = await withTwo(disk);
      const bits = liveOf(bitmaps).bits('a');
      await bitmaps.close();
      expect(await codeOf(writeBits(bits, NEW))).toEqual('STORE_CLOSED');
      expect(await codeOf(liveOf(bitmaps).sync())).toEqual('STORE_CLOSED');
      expect(await load(await disk.open(), 'a')).toEqual(pictureOf(makeBitmap(OLD)));
    },
    LIVE_DISK,
  );
}
