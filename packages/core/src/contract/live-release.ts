import type { BitmapChange } from '../bitmap-change.ts';
import type { Cases } from './contract-case.ts';
import { codeOf, create, load, makeBitmap, pictureOf, statesIn, store } from './helpers.ts';
import {
  createLive,
  LIVE,
  LIVE_DISK,
  liveOf,
  NEW,
  OLD,
  release,
  sectorsOf,
  withLive,
  writeBits,
} from './live-helpers.ts';

export function liveReleaseCases({ it, expect }: Cases): void {
  it(
    'makes bits durable when it releases a bitmap, synced or not',
    async (disk) => {
      const bitmaps = await withLive(disk, 'a', 'other');
      await writeBits(liveOf(bitmaps).bits('a'), NEW, [0]);
      await liveOf(bitmaps).sync();
      await writeBits(liveOf(bitmaps).bits('a'), NEW);
      // The other one stays live, so that nothing has to be said of their use.
      await bitmaps.commit([release('a')]);
      expect(await load(bitmaps, 'a')).toEqual(pictureOf(makeBitmap(NEW)));
      const next = await disk.crash(bitmaps);
      expect(await statesIn(next)).toEqual({ a: 'stored', other: 'stored' });
      expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap(NEW)));
    },
    LIVE_DISK,
  );

  it(
    'lets a bitmap be live again after a crash, and be released then',
    async (disk) => {
      const bitmaps = await withLive(disk, 'a');
      await writeBits(liveOf(bitmaps).bits('a'), NEW, [0]);
      await liveOf(bitmaps).sync();
      const next = await disk.crash(bitmaps);
      expect(await codeOf(next.commit([release('a')]))).toEqual('BITMAP_INVALID');
      await next.acquire(['a'], LIVE);
      await writeBits(liveOf(next).bits('a'), NEW, [1]);
      await next.commit([release('a')]);
      const last = await disk.reopen(next);
      expect(await statesIn(last)).toEqual({ a: 'stored' });
      expect(await sectorsOf(last, 'a')).toEqual([1, 1, 0, 0]);
    },
    LIVE_DISK,
  );

  it(
    'releases only what is live by the changes before it',
    async (disk) => {
      const bitmaps = await withLive(disk, 'a');
      await bitmaps.commit([create('rest', OLD), create('taken', OLD)]);
      await bitmaps.acquire(['taken']);
      expect(await codeOf(bitmaps.commit([release('missing')]))).toEqual('BITMAP_NOT_FOUND');
      expect(await codeOf(bitmaps.commit([release('rest')]))).toEqual('BITMAP_INVALID');
      expect(await codeOf(bitmaps.commit([release('taken')]))).toEqual('BITMAP_INVALID');
      const twice = bitmaps.commit([store('a', NEW), release('a')]);
      expect(await codeOf(twice)).toEqual('BITMAP_INVALID');
      await bitmaps.commit([createLive('brief'), release('brief')]);
      expect(await statesIn(await disk.reopen(bitmaps))).toEqual({
        a: 'stored',
        rest: 'stored',
        taken: 'inconsistent',
        brief: 'stored',
      });
    },
    LIVE_DISK,
  );

  it(
    'refuses to merge what the same commit releases, whose bits may still be written',
    async (disk) => {
      const bitmaps = await withLive(disk, 'a');
      const coarse = { diskSize: LIVE_DISK, granularity: 4096 };
      await bitmaps.commit([create('rest', OLD), create('coarse', coarse)]);
      const merge = (name: string, source: string): BitmapChange => {
        return { op: 'merge', name, sources: [source] };
      };
      for (const change of [merge('rest', 'a'), merge('coarse', 'a'), merge('a', 'rest')]) {
        expect(await codeOf(bitmaps.commit([release('a'), change]))).toEqual('BITMAP_BUSY');
      }
      // Nothing of it was done, so that it goes on to be live.
      await writeBits(liveOf(bitmaps).bits('a'), NEW);
      await bitmaps.commit([release('a')]);
      await bitmaps.commit([merge('rest', 'a'), merge('coarse', 'a')]);
      const next = await disk.reopen(bitmaps);
      const union = makeBitmap(OLD);
      union.merge(makeBitmap(NEW));
      expect(await load(next, 'rest')).toEqual(pictureOf(union));
      const rounded = makeBitmap(coarse);
      rounded.merge(makeBitmap(NEW));
      expect(await load(next, 'coarse')).toEqual(pictureOf(rounded));
    },
    LIVE_DISK,
  );
}
