import type { Cases } from './contract-case.ts';
import { codeOf, create, load, makeBitmap, pictureOf, remove, statesIn, store } from './helpers.ts';
import {
  createLive,
  isLive,
  LIVE_DISK,
  liveOf,
  NEW,
  OLD,
  release,
  sectorsOf,
  withLive,
  writeBits,
} from './live-helpers.ts';

export function liveCommitCases(cases: Cases): void {
  stepCases(cases);
  bitsCases(cases);
}

function stepCases({ it, expect }: Cases): void {
  it(
    'begins, renews and ends live bitmaps in one durable step',
    async (disk) => {
      const bitmaps = await withLive(disk, 'renewed', 'ended');
      await writeBits(liveOf(bitmaps).bits('ended'), NEW);
      const content = makeBitmap(NEW);
      await bitmaps.commit([
        createLive('begun'),
        { op: 'store', name: 'renewed', enabled: false, content, live: true },
        release('ended'),
      ]);
      expect(await statesIn(bitmaps)).toEqual({
        renewed: 'in-use',
        ended: 'stored',
        begun: 'in-use',
      });
      const next = await disk.crash(bitmaps);
      const found = (await next.list()).map(({ name, enabled, state }) => [name, enabled, state]);
      expect(found).toEqual([
        ['renewed', false, 'stored'],
        ['ended', true, 'stored'],
        ['begun', true, 'stored'],
      ]);
      expect(await load(next, 'begun')).toEqual(pictureOf(makeBitmap(OLD)));
      expect(await load(next, 'renewed')).toEqual(pictureOf(makeBitmap(NEW)));
      expect(await load(next, 'ended')).toEqual(pictureOf(makeBitmap(NEW)));
    },
    LIVE_DISK,
  );

  it(
    'leaves live bitmaps as they are when it refuses a commit',
    async (disk) => {
      const bitmaps = await withLive(disk, 'a', 'b');
      const bits = liveOf(bitmaps).bits('a');
      const refused = bitmaps.commit([store('a', NEW), release('b'), remove('missing')]);
      expect(await codeOf(refused)).toEqual('BITMAP_NOT_FOUND');
      expect(await statesIn(bitmaps)).toEqual({ a: 'in-use', b: 'in-use' });
      await writeBits(bits, NEW, [1]);
      await writeBits(liveOf(bitmaps).bits('b'), NEW, [2]);
      await liveOf(bitmaps).sync();
      const next = await disk.crash(bitmaps);
      expect(await sectorsOf(next, 'a')).toEqual([0, 1, 0, 0]);
      expect(await sectorsOf(next, 'b')).toEqual([0, 0, 1, 0]);
    },
    LIVE_DISK,
  );
}

function bitsCases({ it, expect }: Cases): void {
  it(
    'takes the bits of live bitmaps while others are changed',
    async (disk) => {
      const bitmaps = await withLive(disk, 'a');
      const bits = liveOf(bitmaps).bits('a');
      await Promise.all([bitmaps.commit([create('b', OLD)]), writeBits(bits, NEW, [0])]);
      await Promise.all([writeBits(bits, NEW, [1]), bitmaps.commit([store('b', NEW)])]);
      await bitmaps.commit([remove('b')]);
      await writeBits(bits, NEW, [2]);
      await liveOf(bitmaps).sync();
      expect(await sectorsOf(await disk.crash(bitmaps), 'a')).toEqual([1, 1, 1, 0]);
    },
    LIVE_DISK,
  );

  it(
    'refuses bits of content that was replaced, and takes them when it is asked again',
    async (disk) => {
      const bitmaps = await withLive(disk, 'a');
      const old = liveOf(bitmaps).bits('a');
      const content = makeBitmap(NEW);
      await bitmaps.commit([{ op: 'store', name: 'a', content, live: true }]);
      expect((await codeOf(writeBits(old, OLD, [0]))) === 'not refused').toEqual(false);
      await writeBits(liveOf(bitmaps).bits('a'), OLD, [2]);
      await liveOf(bitmaps).sync();
      expect(await sectorsOf(await disk.crash(bitmaps), 'a')).toEqual([1, 1, 0, 1]);
    },
    LIVE_DISK,
  );

  it(
    'refuses bits of what was stored, released or removed',
    async (disk) => {
      const names = ['stored', 'released', 'removed', 'replaced'];
      const bitmaps = await withLive(disk, ...names);
      const old = names.map((name) => liveOf(bitmaps).bits(name));
      await bitmaps.commit([
        store('stored', OLD),
        release('released'),
        remove('removed'),
        remove('replaced'),
        create('replaced', OLD),
      ]);
      for (const [index, name] of names.entries()) {
        const isRefused = (await codeOf(writeBits(old[index]!, NEW))) !== 'not refused';
        expect([name, isRefused, isLive(bitmaps, name)]).toEqual([name, true, false]);
      }
      const next = await disk.reopen(bitmaps);
      expect(await statesIn(next)).toEqual({
        stored: 'stored',
        released: 'stored',
        replaced: 'stored',
      });
      for (const name of ['stored', 'released', 'replaced']) {
        expect([name, await sectorsOf(next, name)]).toEqual([name, [0, 0, 0, 0]]);
      }
    },
    LIVE_DISK,
  );
}
