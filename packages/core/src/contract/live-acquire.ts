import type { Cases } from './contract-case.ts';
import { codeOf, create, load, makeBitmap, pictureOf, statesIn } from './helpers.ts';
import { isLive, LIVE, LIVE_DISK, liveOf, NEW, OLD } from './live-helpers.ts';

export function liveAcquireCases({ it, expect }: Cases): void {
  it(
    'has live bitmaps, and none for a reader',
    async (disk) => {
      const bitmaps = await disk.open();
      expect(bitmaps.live !== undefined).toEqual(true);
      await bitmaps.commit([create('a', OLD)]);
      await bitmaps.close();
      const reader = await disk.open({ writable: false });
      expect(reader.live === undefined).toEqual(true);
      expect(await codeOf(reader.acquire(['a'], LIVE))).toEqual('STORE_READ_ONLY');
    },
    LIVE_DISK,
  );

  it(
    'hands out live bitmaps with what they hold, and lists them as in use',
    async (disk) => {
      const bitmaps = await disk.open();
      await bitmaps.commit([create('a', OLD), create('b', OLD), create('c', NEW)]);
      const taken = await bitmaps.acquire(['c', 'a'], LIVE);
      expect([...taken.keys()].sort()).toEqual(['a', 'c']);
      expect(pictureOf(taken.get('a'))).toEqual(pictureOf(makeBitmap(OLD)));
      expect(pictureOf(taken.get('c'))).toEqual(pictureOf(makeBitmap(NEW)));
      expect(await statesIn(bitmaps)).toEqual({ a: 'in-use', b: 'stored', c: 'in-use' });
      expect(['a', 'b', 'c'].filter((name) => isLive(bitmaps, name))).toEqual(['a', 'c']);
    },
    LIVE_DISK,
  );

  it(
    'refuses a live bitmap to others, and its content too',
    async (disk) => {
      const bitmaps = await disk.open();
      await bitmaps.commit([create('a', OLD)]);
      await bitmaps.acquire(['a'], LIVE);
      expect(await codeOf(bitmaps.load('a'))).toEqual('BITMAP_BUSY');
      expect(await codeOf(bitmaps.acquire(['a']))).toEqual('BITMAP_BUSY');
      expect(await codeOf(bitmaps.acquire(['a'], LIVE))).toEqual('BITMAP_BUSY');
    },
    LIVE_DISK,
  );

  it(
    'takes all of the bitmaps live or none',
    async (disk) => {
      const bitmaps = await disk.open();
      await bitmaps.commit([create('a', OLD)]);
      expect(await codeOf(bitmaps.acquire(['a', 'missing'], LIVE))).toEqual('BITMAP_NOT_FOUND');
      expect(await statesIn(bitmaps)).toEqual({ a: 'stored' });
      expect(isLive(bitmaps, 'a')).toEqual(false);
      expect(await load(bitmaps, 'a')).toEqual(pictureOf(makeBitmap(OLD)));
    },
    LIVE_DISK,
  );

  it(
    'takes nothing live that was left inconsistent',
    async (disk) => {
      const bitmaps = await disk.open();
      await bitmaps.commit([create('lost', OLD), create('a', OLD)]);
      await bitmaps.acquire(['lost']);
      await bitmaps.acquire(['a'], LIVE);
      const next = await disk.crash(bitmaps);
      expect(await statesIn(next)).toEqual({ lost: 'inconsistent', a: 'stored' });
      expect(await codeOf(next.acquire(['a', 'lost'], LIVE))).toEqual('BITMAP_INCONSISTENT');
      expect(isLive(next, 'a')).toEqual(false);
    },
    LIVE_DISK,
  );

  it(
    'flags live bitmaps for others as it declares, and no longer than they are live',
    async (disk) => {
      const bitmaps = await disk.open();
      await bitmaps.commit([create('a', OLD), create('b', OLD)]);
      await bitmaps.acquire(['a'], LIVE);
      expect(await disk.inUse()).toEqual(liveOf(bitmaps).inUse ? ['a'] : []);
      await bitmaps.commit([{ op: 'release', name: 'a' }]);
      expect(await disk.inUse()).toEqual([]);
    },
    LIVE_DISK,
  );
}
