import type { BitmapChange, BitmapStore } from '@tidemark/core';
import { MemoryDisk, openMemoryStore } from '@tidemark/store-memory';
import { expect, it } from 'vitest';
import type { IntendedBitmap } from '../src/index.ts';
import { rollForward } from '../src/roll-forward.ts';
import { bitmapOf, GRANULE, OLD, SET, SIZE, stateOf } from './support/three-drives.ts';

const OTHER = 'd'.repeat(32);
const ALL = Array.from({ length: SIZE / GRANULE }, (_, granule) => granule);
const CLEAR: IntendedBitmap = {
  change: 'put',
  name: 'n',
  granularity: GRANULE,
  enabled: true,
  before: OLD,
  after: SET,
};
const REMOVE: IntendedBitmap = { change: 'remove', name: 'old', before: OLD };

async function storeWith(...changes: readonly BitmapChange[]): Promise<BitmapStore> {
  const store = await openMemoryStore(new MemoryDisk(SIZE));
  await store.commit(changes);
  return store;
}

function create(name: string, checkpoint: string | null): BitmapChange {
  return { op: 'create', name, enabled: true, content: bitmapOf([3]), checkpoint };
}

async function roll(store: BitmapStore, ...bitmaps: readonly IntendedBitmap[]) {
  const member = { store: null, place: 'x', done: false, bitmaps };
  const marked = await rollForward(store, SET, member);
  // Once more, as after a crash in between.
  await rollForward(store, SET, member);
  return marked;
}

it('calls everything changed in a bitmap that was to be cleared', async () => {
  const store = await storeWith(create('n', OLD));
  expect(await roll(store, CLEAR)).toEqual(['n']);
  expect(await stateOf(store)).toMatchObject({ checkpoint: SET, dirty: ALL });
});

it('calls everything changed in a bitmap that has lost its checkpoint meanwhile', async () => {
  const store = await storeWith(create('n', null));
  expect(await roll(store, CLEAR)).toEqual(['n']);
  expect(await stateOf(store)).toMatchObject({ checkpoint: SET, dirty: ALL });
});

it('makes a bitmap that is not there', async () => {
  const store = await storeWith();
  expect(await roll(store, { ...CLEAR, before: null })).toEqual(['n']);
  expect(await stateOf(store)).toMatchObject({ checkpoint: SET, dirty: ALL });
});

it('leaves what was made, and takes the word of one bitmap for those beside it', async () => {
  const store = await storeWith(create('n', SET), create('merged', OLD), create('old', OLD));
  const merged = { ...CLEAR, name: 'merged', after: OLD };
  expect(await roll(store, CLEAR, merged, REMOVE)).toEqual([]);
  expect(await stateOf(store)).toMatchObject({ checkpoint: SET, dirty: [3] });
  expect((await store.load('merged')).count).toBe(1);
});

it('calls everything changed in what was merged into, where nothing tells that it was', async () => {
  const store = await storeWith(create('n', OLD), create('merged', OLD));
  expect(await roll(store, CLEAR, { ...CLEAR, name: 'merged', after: OLD })).toEqual([
    'n',
    'merged',
  ]);
  expect((await store.load('merged')).dirtyBytes).toBe(SIZE);
});

it('leaves a bitmap that somebody has begun anew since', async () => {
  const store = await storeWith(create('n', OTHER), create('old', OTHER));
  expect(await roll(store, CLEAR, REMOVE)).toEqual([]);
  expect(await stateOf(store)).toMatchObject({ checkpoint: OTHER, dirty: [3] });
  expect(await store.list()).toHaveLength(2);
});

it('takes a bitmap of which it does not know what it was for what it was', async () => {
  const store = await storeWith(create('n', OTHER), create('old', OTHER));
  expect(await roll(store, { ...CLEAR, before: null }, { ...REMOVE, before: null })).toEqual(['n']);
  expect(await stateOf(store)).toMatchObject({ checkpoint: SET, dirty: ALL });
  expect((await store.list()).map(({ name }) => name).sort()).toEqual(['n', 'old']);
});

it('removes what was to be removed', async () => {
  const store = await storeWith(create('n', OLD), create('old', OLD));
  expect(await roll(store, REMOVE)).toEqual([]);
  expect((await store.list()).map(({ name }) => name)).toEqual(['n']);
});

it('makes an inconsistent bitmap one that is true', async () => {
  const disk = new MemoryDisk(SIZE);
  const crashed = await openMemoryStore(disk);
  await crashed.commit([create('n', OLD)]);
  await crashed.acquire(['n']);
  const store = await openMemoryStore(disk);
  expect(await roll(store, { ...CLEAR, enabled: false, after: null })).toEqual(['n']);
  expect(await store.list()).toMatchObject([{ name: 'n', enabled: false, state: 'stored' }]);
  expect(await stateOf(store)).toMatchObject({ checkpoint: undefined, dirty: ALL });
});
