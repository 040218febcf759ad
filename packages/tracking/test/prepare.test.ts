import { MemoryDevice } from '@tidemark/block';
import { type BitmapChange, type BitmapStore, DirtyBitmap } from '@tidemark/core';
import { MemoryDisk, openMemoryStore } from '@tidemark/store-memory';
import { describe, expect, it } from 'vitest';
import { prepareTrackedDrive, type TrackedDriveOptions } from '../src/index.ts';

const SIZE = 65_536;
const GRANULE = 4096;

function create(name: string, enabled = true): BitmapChange {
  return { op: 'create', name, enabled, content: new DirtyBitmap(SIZE, GRANULE) };
}

async function storeWith(...changes: readonly BitmapChange[]): Promise<BitmapStore> {
  const store = await openMemoryStore(new MemoryDisk(SIZE));
  await store.commit(changes);
  return store;
}

async function statesIn(store: BitmapStore): Promise<Record<string, string>> {
  return Object.fromEntries((await store.list()).map(({ name, state }) => [name, state]));
}

function options(over: Partial<TrackedDriveOptions>): TrackedDriveOptions {
  return { device: new MemoryDevice({ size: SIZE }), label: 'd0', writable: true, ...over };
}

describe('prepareTrackedDrive', () => {
  it('changes nothing, and begin takes in use what records', async () => {
    const store = await storeWith(create('on'), create('off', false));
    const select = [{ name: 'new', create: true }];
    const prepared = await prepareTrackedDrive(options({ stores: [store], select }));
    expect(await statesIn(store)).toEqual({ on: 'stored', off: 'stored' });
    await prepared.begin();
    expect(await statesIn(store)).toEqual({ on: 'in-use', off: 'stored', new: 'in-use' });
  });

  it('begins once, however often it is asked to', async () => {
    const prepared = await prepareTrackedDrive(options({ stores: [await storeWith(create('a'))] }));
    const [first, second] = await Promise.all([prepared.begin(), prepared.begin()]);
    expect(first).toBe(second);
  });

  it('makes a new bitmap in the first store, or in the one that is named', async () => {
    const [first, second] = [await storeWith(), await storeWith()];
    const select = [
      { name: 'a', create: true },
      { name: 'b', create: true, store: second },
    ];
    const prepared = await prepareTrackedDrive(options({ stores: [first, second], select }));
    await prepared.begin();
    expect(await statesIn(first)).toEqual({ a: 'in-use' });
    expect(await statesIn(second)).toEqual({ b: 'in-use' });
  });

  it('finds a bitmap in whichever store it is, and not where it is not', async () => {
    const [first, second] = [await storeWith(), await storeWith(create('b'))];
    const stores = [first, second];
    await prepareTrackedDrive(options({ stores, select: [{ name: 'b' }] }));
    const wrong = prepareTrackedDrive(options({ stores, select: [{ name: 'b', store: first }] }));
    await expect(wrong).rejects.toMatchObject({ code: 'BITMAP_NOT_FOUND' });
  });

  it('refuses a name that two stores have', async () => {
    const stores = [await storeWith(create('a')), await storeWith(create('a'))];
    await expect(prepareTrackedDrive(options({ stores }))).rejects.toMatchObject({
      code: 'BITMAP_EXISTS',
      message: expect.stringContaining('in two stores'),
    });
  });

  it('refuses a new name that another store of the drive has', async () => {
    const [first, second] = [await storeWith(), await storeWith(create('a'))];
    const select = [{ name: 'a', create: true, store: first }];
    const prepared = prepareTrackedDrive(options({ stores: [first, second], select }));
    await expect(prepared).rejects.toMatchObject({ code: 'BITMAP_EXISTS' });
  });

  it('refuses to record in a store that is open for reading', async () => {
    const disk = new MemoryDisk(SIZE);
    await (await openMemoryStore(disk)).commit([create('a')]);
    const store = await openMemoryStore(disk, { writable: false });
    const prepared = prepareTrackedDrive(options({ stores: [store] }));
    await expect(prepared).rejects.toMatchObject({ code: 'STORE_READ_ONLY' });
  });
});
