import { describe, expect, it } from 'vitest';
import { createBitmapStore } from '../src/create-bitmap-store.ts';
import { DirtyBitmap } from '../src/dirty-bitmap.ts';
import { TidemarkError } from '../src/errors.ts';
import type { BitmapChange } from '../src/bitmap-change.ts';
import type { BitmapStore } from '../src/store.ts';
import { asUnchanged } from '../src/unchanged.ts';
import { makeLiveDisk, soundLive, soundLiveBackend } from './support/sound-live-store.ts';
import { overriding } from './support/sound-store.ts';

/** Bytes. 128 granules. */
const SIZE = 65_536;
const NO_WRITES = { begin: () => {}, end: () => {}, lapse: async () => {} };

const content = new DirtyBitmap(SIZE, 512);
const storing = (name: string): BitmapChange => ({ op: 'store', name, content });
const creating = (name: string, acquire: 'live' | false = false): BitmapChange => {
  return { op: 'create', name, enabled: true, content, acquire };
};

describe('live bitmaps that the backend cannot vouch for any more', () => {
  const why = new TidemarkError('BITMAP_INCONSISTENT', 'a stranger wrote', { rule: 'mtime' });
  const LOST = { state: 'inconsistent', reason: 'a stranger wrote', rule: 'mtime' };

  /** With 'a' live and 'b' at rest. `refusing`: what each change of the directory fails with. */
  async function begin() {
    const disk = makeLiveDisk(SIZE);
    const refusing: { error?: unknown } = {};
    const sound = soundLiveBackend(disk, true);
    const lease = { ...NO_WRITES, allowsWrite: () => false, renew: () => Promise.reject(why) };
    const backend = overriding(sound, {
      live: { ...soundLive(disk), lease },
      replaceDirectory: async (entries, contents) => {
        if (refusing.error !== undefined) throw refusing.error;
        await sound.replaceDirectory(entries, contents);
      },
      prepareDirectory: async (entries, contents) => {
        if (refusing.error !== undefined) throw refusing.error;
        return {
          commit: () => sound.replaceDirectory(entries, contents),
          abort: async () => {},
        };
      },
    });
    const store = await createBitmapStore(backend);
    await store.commit([creating('a', 'live'), creating('b')]);
    return { store, refusing };
  }

  const statesOf = async (store: BitmapStore) =>
    Object.fromEntries((await store.list()).map((info) => [info.name, info]));

  it('are inconsistent as soon as a lease is refused for that, and the others are not', async () => {
    const { store } = await begin();
    await expect(store.live!.lease!.renew()).rejects.toBe(why);
    expect(await statesOf(store)).toMatchObject({ a: LOST, b: { state: 'stored' } });
    for (const change of [storing('a'), { op: 'release', name: 'a' } as const]) {
      const refusal = { code: 'BITMAP_INCONSISTENT' };
      await expect(store.commit([change])).rejects.toMatchObject(refusal);
    }
    await store.commit([{ op: 'remove', name: 'a' }, creating('a', 'live')]);
    expect(await statesOf(store)).toMatchObject({ a: { state: 'in-use' } });
  });

  it('are so when a change is refused for that, too', async () => {
    const { store, refusing } = await begin();
    refusing.error = asUnchanged(why);
    await expect(store.commit([creating('c')])).rejects.toMatchObject({ message: why.message });
    refusing.error = undefined;
    expect(await statesOf(store)).toMatchObject({ a: LOST, b: { state: 'stored' } });
    await store.commit([creating('c')]);
    expect(await statesOf(store)).toMatchObject({ a: LOST, c: { state: 'stored' } });
  });

  it('are so when a change that is only prepared is refused for that', async () => {
    const { store, refusing } = await begin();
    refusing.error = why;
    await expect(store.prepare([creating('c')])).rejects.toMatchObject({ message: why.message });
    refusing.error = undefined;
    expect(await statesOf(store)).toMatchObject({ a: LOST, b: { state: 'stored' } });
  });

  it('are not made good by a change that was prepared before', async () => {
    const { store } = await begin();
    const prepared = await store.prepare([creating('c'), { op: 'release', name: 'a' }]);
    await store.live!.lease!.renew().catch(() => {});
    await expect(prepared.commit()).rejects.toMatchObject({ code: 'BITMAP_INCONSISTENT' });
    expect(await statesOf(store)).toMatchObject({ a: LOST, b: { state: 'stored' } });
    expect(Object.keys(await statesOf(store))).toEqual(['a', 'b']);
  });
});
