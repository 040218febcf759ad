import type { Cases } from './contract-case.ts';
import { codeOf, load, makeBitmap, pictureOf, remove, store } from './helpers.ts';
import {
  createLive,
  LIVE_DISK,
  liveOf,
  NEW,
  OLD,
  sectorsOf,
  withLive,
  writeBits,
} from './live-helpers.ts';

export function livePrepareCases({ it, expect }: Cases): void {
  it(
    'takes the bits of live bitmaps between the halves of a commit, and none of what it changes',
    async (disk) => {
      const bitmaps = await withLive(disk, 'kept', 'changed');
      const bits = liveOf(bitmaps).bits('kept');
      const refused = liveOf(bitmaps).bits('changed');
      const prepared = await bitmaps.prepare([store('changed', OLD), createLive('begun')]);
      await writeBits(bits, NEW, [1]);
      await liveOf(bitmaps).sync();
      expect((await codeOf(writeBits(refused, NEW, [2]))) === 'not refused').toEqual(false);
      await prepared.commit();
      await writeBits(bits, NEW, [2]);
      await writeBits(liveOf(bitmaps).bits('begun'), NEW, [0]);
      await liveOf(bitmaps).sync();
      const next = await disk.crash(bitmaps);
      expect(await sectorsOf(next, 'kept')).toEqual([0, 1, 1, 0]);
      expect(await load(next, 'changed')).toEqual(pictureOf(makeBitmap(OLD)));
      expect(await sectorsOf(next, 'begun')).toEqual([1, 0, 0, 0]);
    },
    LIVE_DISK,
  );

  it(
    'takes the bits again of what it was going to change, once that is given up',
    async (disk) => {
      const bitmaps = await withLive(disk, 'a', 'b');
      const [a, b] = [liveOf(bitmaps).bits('a'), liveOf(bitmaps).bits('b')];
      await (await bitmaps.prepare([store('a', OLD), remove('b')])).abort();
      await Promise.all([writeBits(a, NEW, [1]), writeBits(b, NEW, [2])]);
      await liveOf(bitmaps).sync();
      const next = await disk.crash(bitmaps);
      expect(await sectorsOf(next, 'a')).toEqual([0, 1, 0, 0]);
      expect(await sectorsOf(next, 'b')).toEqual([0, 0, 1, 0]);
    },
    LIVE_DISK,
  );
}
