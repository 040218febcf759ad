import { describe, expect, it } from 'vitest';
import { createBitmapStore } from '../src/create-bitmap-store.ts';
import { DirtyBitmap } from '../src/dirty-bitmap.ts';
import type { BitmapChange } from '../src/bitmap-change.ts';
import type { BitmapStore } from '../src/store.ts';
import {
  type LiveDisk,
  makeLiveDisk,
  openSoundLive,
  soundLive,
  soundLiveBackend,
} from './support/sound-live-store.ts';
import { overriding } from './support/sound-store.ts';

/** Bytes. 128 granules. */
const SIZE = 65_536;
const ALL_SET = new Uint8Array(512).fill(255);

function clean(): DirtyBitmap {
  return new DirtyBitmap(SIZE, 512);
}

async function withBitmaps(disk: LiveDisk, ...names: readonly string[]): Promise<BitmapStore> {
  const store = await openSoundLive(disk);
  await store.commit(
    names.map((name): BitmapChange => ({ op: 'create', name, enabled: true, content: clean() })),
  );
  return store;
}

/** A store in which 'a' is live. */
async function withLive(disk = makeLiveDisk(SIZE)): Promise<BitmapStore> {
  const store = await withBitmaps(disk, 'a');
  await store.acquire(['a'], { live: true });
  return store;
}

const storing = (name: string, live?: boolean): BitmapChange => {
  return { op: 'store', name, content: clean(), ...(live !== undefined && { live }) };
};

describe('a live bitmap', () => {
  it('is listed as any that is in use, for only its holder knows its content', async () => {
    const store = await withLive();
    expect(await store.list()).toEqual([
      { name: 'a', granularity: 512, enabled: true, state: 'in-use' },
    ]);
    await expect(store.load('a')).rejects.toMatchObject({
      code: 'BITMAP_BUSY',
      context: { bitmap: 'a', hint: 'wait until it is stored or released' },
    });
  });

  it('ends when it is stored without live: what was written of its bits is no more', async () => {
    const store = await withLive();
    const bits = store.live!.bits('a');
    await bits.write(ALL_SET, 0);
    await store.commit([storing('a')]);
    expect((await store.load('a')).count).toBe(0);
    await expect(bits.write(ALL_SET, 0)).rejects.toThrow("bitmap 'a' was changed");
    expect(() => store.live!.bits('a')).toThrow("bitmap 'a' is not live");
  });

  it('begins when it is stored with live, at rest or in use', async () => {
    const store = await withBitmaps(makeLiveDisk(SIZE), 'rest', 'used');
    await store.acquire(['used']);
    await store.commit([storing('rest', true), storing('used', true)]);
    expect(await store.list()).toMatchObject([{ state: 'in-use' }, { state: 'in-use' }]);
    for (const name of ['rest', 'used']) await store.live!.bits(name).write(ALL_SET, 0);
    await store.commit(['rest', 'used'].map((name) => ({ op: 'release', name })));
    expect((await store.load('rest')).count).toBe(128);
    expect((await store.load('used')).count).toBe(128);
  });

  it('keeps what was written of its bits when another one is stored', async () => {
    const disk = makeLiveDisk(SIZE);
    const store = await withBitmaps(disk, 'a', 'b');
    await store.acquire(['a'], { live: true });
    const bits = store.live!.bits('a');
    await bits.write(ALL_SET, 0);
    await store.commit([storing('b')]);
    expect(disk.contents.get('a')!.count).toBe(128);
    await bits.write(new Uint8Array(512), 0);
    await store.live!.sync();
    expect(disk.contents.get('a')!.count).toBe(0);
  });
});

describe('a bitmap that its store has recovered', () => {
  async function withRecovered(): Promise<BitmapStore> {
    const disk = makeLiveDisk(SIZE);
    await withBitmaps(disk, 'a', 'b');
    const sound = soundLiveBackend(disk, true);
    const readDirectory = async () =>
      (await sound.readDirectory()).map((entry) => ({ ...entry, recovered: true }));
    return createBitmapStore(overriding(sound, { readDirectory }));
  }
  const recovered = async (store: BitmapStore) =>
    (await store.list()).map((bitmap) => bitmap.recovered ?? false);

  it('is told to be so while it is used', async () => {
    const store = await withRecovered();
    expect(await recovered(store)).toEqual([true, true]);
    await store.acquire(['a'], { live: true });
    expect(await recovered(store)).toEqual([true, true]);
  });

  it('is as any other once it is released, stored or made anew', async () => {
    const store = await withRecovered();
    await store.acquire(['a'], { live: true });
    await store.commit([{ op: 'release', name: 'a' }]);
    expect(await recovered(store)).toEqual([false, true]);
    await store.commit([storing('b')]);
    expect(await recovered(store)).toEqual([false, false]);
  });
});

describe('bits that are on their way', () => {
  /** A store whose bits are in place when the returned function is called. */
  async function slowStore() {
    const disk = makeLiveDisk(SIZE);
    const log: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const live = soundLive(disk);
    const sound = soundLiveBackend(disk, true);
    await withBitmaps(disk, 'a');
    const store = await createBitmapStore(
      overriding(sound, {
        live: overriding(live, {
          async openBits(name) {
            const bits = await live.openBits(name);
            return {
              async write(bytes, at) {
                await promise;
                await bits.write(bytes, at);
                log.push('written');
              },
            };
          },
          async sync() {
            log.push('synced');
            await live.sync();
          },
        }),
        async replaceDirectory(...change) {
          log.push('replaced');
          await sound.replaceDirectory(...change);
        },
        async close() {
          log.push('closed');
        },
      }),
    );
    await store.acquire(['a'], { live: true });
    log.length = 0;
    return { store, log, go: resolve };
  }

  it.each<[string, (store: BitmapStore) => Promise<void>, string]>([
    ['a release', (store) => store.commit([{ op: 'release', name: 'a' }]), 'replaced'],
    ['new content', (store) => store.commit([storing('a', true)]), 'replaced'],
    ['a close', (store) => store.close(), 'closed'],
  ])('are in place before %s', async (_, change, last) => {
    const { store, log, go } = await slowStore();
    const writing = store.live!.bits('a').write(ALL_SET, 0);
    const changing = change(store);
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual([]);
    go();
    await Promise.all([writing, changing]);
    expect(log).toEqual(['written', last]);
  });
});

describe('a backend of live bitmaps', () => {
  it('is told which bitmaps are live from a change on, and of no other that they are', async () => {
    const disk = makeLiveDisk(SIZE);
    const told: string[][] = [];
    const sound = soundLiveBackend(disk, true);
    const store = await createBitmapStore(
      overriding(sound, {
        async replaceDirectory(entries, contents) {
          told.push(entries.filter(({ live }) => live === true).map(({ name }) => name));
          await sound.replaceDirectory(entries, contents);
        },
      }),
    );
    const create = { op: 'create', enabled: true, content: clean() } as const;
    await store.commit([
      { ...create, name: 'a', acquire: 'live' },
      { ...create, name: 'b', acquire: true },
      { ...create, name: 'c' },
    ]);
    await store.commit([storing('c', true)]);
    await store.commit([storing('a'), { op: 'remove', name: 'b' }]);
    expect(told).toEqual([['a'], ['a', 'c'], ['c']]);
  });

  it('may have a lease, which cannot be renewed once the store is closed', async () => {
    const disk = makeLiveDisk(SIZE);
    let renewals = 0;
    const lease = {
      begin: () => {},
      end: () => {},
      allowsWrite: () => renewals > 0,
      renew: async () => {
        renewals += 1;
      },
      lapse: async () => {},
    };
    const sound = soundLiveBackend(disk, true);
    const store = await createBitmapStore(
      overriding(sound, { live: { ...soundLive(disk), lease } }),
    );
    expect(store.live!.lease!.allowsWrite()).toBe(false);
    await store.live!.lease!.renew();
    expect(store.live!.lease!.allowsWrite()).toBe(true);
    await store.close();
    await expect(store.live!.lease!.renew()).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    expect(renewals).toBe(1);
    expect((await openSoundLive(disk)).live!.lease).toBeUndefined();
  });
});
