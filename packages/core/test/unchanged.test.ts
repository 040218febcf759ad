import { describe, expect, it } from 'vitest';
import { createBitmapStore } from '../src/create-bitmap-store.ts';
import { DirtyBitmap } from '../src/dirty-bitmap.ts';
import { TidemarkError } from '../src/errors.ts';
import type { BitmapBackend } from '../src/backend.ts';
import type { BitmapChange } from '../src/bitmap-change.ts';
import { asUnchanged, isUnchanged, unchanging } from '../src/unchanged.ts';
import { makeLiveDisk, soundLiveBackend } from './support/sound-live-store.ts';
import { overriding } from './support/sound-store.ts';

const noSpace = () => new TidemarkError('NO_SPACE', 'it is full', { hint: 'make room' }, 'why');
const create = (name: string): BitmapChange => {
  return { op: 'create', name, enabled: true, content: new DirtyBitmap(SIZE, 512) };
};
const SIZE = 65_536;

describe('an error that says that nothing was changed', () => {
  it('is otherwise the one that was thrown, and leaves that one as it was', () => {
    const error = noSpace();
    const said = asUnchanged(error);
    expect(said).toMatchObject({
      name: 'TidemarkError',
      code: 'NO_SPACE',
      message: 'it is full',
      context: { hint: 'make room' },
      cause: 'why',
      stack: error.stack,
    });
    // Whoever throws it again may do so where something was changed.
    expect([isUnchanged(said), isUnchanged(error)]).toEqual([true, false]);
    expect(isUnchanged(new TidemarkError('STORE_FAILED', 'it failed', {}, said))).toBe(false);
  });

  it('is never what is none of ours', async () => {
    const error = new RangeError('a mistake');
    await expect(unchanging(() => Promise.reject(error))).rejects.toBe(error);
    for (const other of [error, undefined, null, 'text', {}])
      expect(isUnchanged(other)).toBe(false);
  });
});

/** A store whose backend fails the next changes of its directory with these errors, if any. */
async function storeWith(errors: unknown[], members: Partial<BitmapBackend> = {}) {
  const disk = makeLiveDisk(SIZE);
  const sound = overriding(soundLiveBackend(disk, true), members);
  const store = await createBitmapStore(
    overriding(sound, {
      async replaceDirectory(...change) {
        const error = errors.shift();
        if (error !== undefined) throw error;
        await sound.replaceDirectory(...change);
      },
    }),
  );
  return { store, disk };
}

describe('a store whose backend failed and says that nothing was changed', () => {
  it('goes on as it was', async () => {
    const { store } = await storeWith([undefined, asUnchanged(noSpace())]);
    await store.commit([create('a')]);
    const failing = store.commit([create('b'), { op: 'remove', name: 'a' }]);
    const behind = store.list();
    await expect(failing).rejects.toMatchObject({ code: 'NO_SPACE' });
    expect(await behind).toMatchObject([{ name: 'a', state: 'stored' }]);
    await store.commit([create('b')]);
    expect(await store.list()).toMatchObject([{ name: 'a' }, { name: 'b' }]);
  });

  it('says so in its turn', async () => {
    const { store } = await storeWith([asUnchanged(noSpace()), noSpace()]);
    expect(isUnchanged(await store.commit([create('a')]).catch(caught))).toBe(true);
    expect(isUnchanged(await store.commit([create('a')]).catch(caught))).toBe(false);
    // It has ended, and knows nothing of what there is.
    const ended = await store.commit([create('a')]).catch(caught);
    expect(ended).toMatchObject({ code: 'STORE_FAILED' });
    expect(isUnchanged(ended)).toBe(false);
  });

  it('has not acquired what it was to acquire', async () => {
    const { store } = await storeWith([undefined, asUnchanged(noSpace())]);
    await store.commit([create('a')]);
    await expect(store.acquire(['a'])).rejects.toMatchObject({ code: 'NO_SPACE' });
    expect(await store.list()).toMatchObject([{ state: 'stored' }]);
    expect((await store.acquire(['a'])).size).toBe(1);
  });

  it('takes bits of what is live as before', async () => {
    const { store, disk } = await storeWith([undefined, undefined, asUnchanged(noSpace())]);
    await store.commit([create('a')]);
    await store.acquire(['a'], { live: true });
    const bits = store.live!.bits('a');
    const content = new DirtyBitmap(SIZE, 512);
    const clear = { op: 'store', name: 'a', content, live: true } as const;
    await expect(store.commit([clear])).rejects.toMatchObject({ code: 'NO_SPACE' });
    await bits.write(new Uint8Array(512).fill(255), 0);
    await store.live!.sync();
    expect(disk.contents.get('a')!.count).toBe(128);
  });
});

it.each([
  ['a refused name', [create('')]],
  ['a name that is there', [create('a')]],
  ['a name that is not there', [{ op: 'remove', name: 'b' }]],
] satisfies [string, BitmapChange[]][])(
  'a store says of %s that nothing was changed',
  async (_, changes) => {
    const { store } = await storeWith([]);
    await store.commit([create('a')]);
    expect(isUnchanged(await store.commit(changes).catch(caught))).toBe(true);
  },
);

it('ends a store when what is live by now cannot be written', async () => {
  const live = { inUse: false, openBits: () => Promise.reject(noSpace()), sync: async () => {} };
  const { store } = await storeWith([], { live });
  const making = store.commit([{ ...create('a'), acquire: 'live' } as BitmapChange]);
  expect(isUnchanged(await making.catch(caught))).toBe(false);
  await expect(store.list()).rejects.toMatchObject({ code: 'STORE_FAILED' });
});

const caught = (error: unknown): unknown => error;
