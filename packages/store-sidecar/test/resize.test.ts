import type { BitmapStore } from '@tidemark/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { content, create, Sessions, SIZE } from './support/sessions.ts';

const LARGER = SIZE + 10 * 512;
const SMALLER = SIZE - 10 * 512;
const SIZES = [
  ['grow', LARGER],
  ['shrink', SMALLER],
] as const;

let at: Sessions;

beforeEach(async () => {
  at = await Sessions.begin();
  await at.commit(create('a'), create('off', false));
});

/** As tracking does: what records is live, with what was written; what is at rest stays so. */
async function resize(store: BitmapStore, size: number): Promise<void> {
  const { a } = Object.fromEntries(await store.acquire(['a'], { live: true }));
  a!.resize(size, { grown: 'dirty' });
  await store.resize(size, { live: new Map([['a', a!]]) });
}

async function dirtyIn(name: string, options = {}): Promise<readonly (readonly number[])[]> {
  return at.run(async (store) => {
    const bits = await store.load(name);
    return [...bits.dirtyExtents()].map(({ offset, length }) => [offset, length]);
  }, options);
}

const FIRST = [0, 512];
const BOTH = { a: 'stored', off: 'stored' };

describe('A19: a sidecar whose drive was being resized when the session ended', () => {
  it.each(SIZES)('%s: is for the drive as it was, where that is what there is', async (_, size) => {
    await at.crash((store) => resize(store, size));
    const cut = size < SIZE ? [[size, SIZE - size]] : [];
    for (const writable of [false, true, true]) {
      expect(await at.states({ writable })).toEqual(BOTH);
      // What a shrink has cut off is not known any more: it counts as written.
      expect(await dirtyIn('a', { writable })).toEqual([FIRST, ...cut]);
      expect(await dirtyIn('off', { writable })).toEqual([FIRST, ...cut]);
    }
  });

  it.each(SIZES)('%s: is for the drive as it is, where that was resized', async (_, size) => {
    await at.crash(async (store) => {
      await resize(store, size);
      at.drive.resize(size);
    });
    const added = size > SIZE ? [[SIZE, size - SIZE]] : [];
    for (const writable of [false, true, true]) {
      expect(await at.states({ writable })).toEqual(BOTH);
      expect(await dirtyIn('a', { writable })).toEqual([FIRST, ...added]);
      expect(await dirtyIn('off', { writable })).toEqual([FIRST, ...added]);
    }
  });

  it.each(SIZES)('%s: has bitmaps that did not record, too', async (_, size) => {
    await at.crash((store) => store.resize(size));
    expect(await at.states()).toEqual(BOTH);
    expect((await dirtyIn('off'))[0]).toEqual(FIRST);
  });

  it.each(SIZES)('%s: trusts nothing where somebody else wrote since', async (_, size) => {
    await at.crash((store) => resize(store, size));
    at.drive.now += 60_000;
    at.drive.write();
    expect(await at.states({ writable: false })).toMatchObject({ a: expect.stringMatching('was') });
    expect(await at.states()).toMatchObject({ a: expect.stringMatching('was') });
    // What is not trusted has to fit the drive, too.
    expect(await at.states()).toMatchObject({ a: expect.stringMatching('was') });
  });

  it.each(SIZES)('%s: refuses a drive of a third size', async (_, size) => {
    await at.crash((store) => resize(store, size));
    at.drive.resize(SIZE + 512);
    await expect(at.states()).rejects.toMatchObject({ code: 'SIDECAR_MISMATCH' });
  });

  it.each(SIZES)('%s: knows of one size once it is confirmed', async (_, size) => {
    await at.crash(async (store) => {
      await resize(store, size);
      at.drive.resize(size);
      await store.confirmSize();
    });
    expect(await at.states()).toEqual(BOTH);
    at.drive.resize(SIZE);
    await expect(at.states()).rejects.toMatchObject({ code: 'SIDECAR_MISMATCH' });
  });
});

describe('A11: a drive that was made smaller and larger again', () => {
  it('has everything dirty that was cut off, whoever did it', async () => {
    await at.run(async (store) => {
      for (const size of [SMALLER, SIZE]) {
        await store.resize(size);
        at.drive.resize(size);
        await store.confirmSize();
      }
    });
    expect(await at.states()).toEqual(BOTH);
    expect(await dirtyIn('a')).toEqual([FIRST, [SMALLER, SIZE - SMALLER]]);
    at.drive.resize(SMALLER);
    at.drive.resize(SIZE);
    const behind = expect.stringContaining('behind its bitmaps');
    expect(await at.states()).toMatchObject({ a: behind, off: behind });
  });
});

describe('a sidecar that is resized at rest', () => {
  it('is at rest afterwards, as its drive is then', async () => {
    await at.run(async (store) => {
      await store.resize(LARGER);
      at.drive.resize(LARGER);
      await store.confirmSize();
    });
    expect(await at.states()).toEqual(BOTH);
    at.drive.write();
    expect(await at.states()).toMatchObject({ a: expect.stringContaining('behind its bitmaps') });
  });

  it('takes any number of bytes for a drive, as files have it', async () => {
    await at.run(async (store) => {
      await store.resize(SIZE + 100);
      at.drive.resize(SIZE + 100);
      await store.confirmSize();
    });
    expect(await dirtyIn('a')).toEqual([FIRST, [SIZE, 100]]);
    expect(content.diskSize).toBe(SIZE);
  });
});
