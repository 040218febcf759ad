import type { Cases } from './contract-case.ts';
import {
  codeOf,
  create,
  GRANULE,
  load,
  makeBitmap,
  pictureOf,
  remove,
  statesIn,
  store,
} from './helpers.ts';

const SHAPE = { dirty: [[GRANULE, 1]] } as const;

export function acquireCases(cases: Cases): void {
  takingCases(cases);
  durabilityCases(cases);
}

function takingCases({ it, expect }: Cases): void {
  it('hands out what the bitmaps hold, and marks them in use', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a', SHAPE), create('b'), create('c')]);
    const taken = await bitmaps.acquire(['c', 'a']);
    expect([...taken.keys()].sort()).toEqual(['a', 'c']);
    expect(pictureOf(taken.get('a'))).toEqual(pictureOf(makeBitmap(SHAPE)));
    expect(pictureOf(taken.get('c'))).toEqual(pictureOf(makeBitmap()));
    expect(await statesIn(bitmaps)).toEqual({ a: 'in-use', b: 'stored', c: 'in-use' });
  });

  it('refuses a bitmap that is in use already', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a')]);
    await bitmaps.acquire(['a']);
    expect(await codeOf(bitmaps.load('a'))).toEqual('BITMAP_BUSY');
    expect(await codeOf(bitmaps.acquire(['a']))).toEqual('BITMAP_BUSY');
  });

  it('takes all of the bitmaps or none', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a', SHAPE)]);
    expect(await codeOf(bitmaps.acquire(['a', 'missing']))).toEqual('BITMAP_NOT_FOUND');
    expect(await statesIn(bitmaps)).toEqual({ a: 'stored' });
    expect(await statesIn(await disk.crash(bitmaps))).toEqual({ a: 'stored' });
  });

  it('takes nothing when nothing is named', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a')]);
    expect([...(await bitmaps.acquire([]))]).toEqual([]);
    expect(await statesIn(await disk.crash(bitmaps))).toEqual({ a: 'stored' });
  });

  it('lets go of a bitmap when it is removed', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a'), create('b')]);
    await bitmaps.acquire(['a']);
    await bitmaps.commit([remove('a')]);
    expect(await statesIn(bitmaps)).toEqual({ b: 'stored' });
    await bitmaps.commit([create('a', SHAPE)]);
    expect(await statesIn(await disk.crash(bitmaps))).toEqual({ a: 'stored', b: 'stored' });
  });
}

function durabilityCases({ it, expect }: Cases): void {
  it('has marked bitmaps durably once it resolves, and no others', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a'), create('b', SHAPE)]);
    await bitmaps.acquire(['a']);
    const next = await disk.crash(bitmaps);
    expect(await statesIn(next)).toEqual({ a: 'inconsistent', b: 'stored' });
    expect(await load(next, 'b')).toEqual(pictureOf(makeBitmap(SHAPE)));
  });

  it('flags bitmaps for others while they are in use, and no longer', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a'), create('b')]);
    await bitmaps.acquire(['a']);
    expect(await disk.inUse()).toEqual(['a']);
    await bitmaps.commit([store('a')]);
    expect(await disk.inUse()).toEqual([]);
  });

  it('keeps bitmaps consistent through a crash when none was acquired', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a', SHAPE)]);
    const next = await disk.crash(bitmaps);
    expect(await statesIn(next)).toEqual({ a: 'stored' });
    expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap(SHAPE)));
  });

  it('ends when the bitmap is stored, durably', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a')]);
    await bitmaps.acquire(['a']);
    await bitmaps.commit([store('a', SHAPE)]);
    expect(await statesIn(bitmaps)).toEqual({ a: 'stored' });
    const next = await disk.crash(bitmaps);
    expect(await statesIn(next)).toEqual({ a: 'stored' });
    expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap(SHAPE)));
  });

  it('can be had again once it has ended', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a')]);
    await bitmaps.acquire(['a']);
    await bitmaps.commit([store('a', SHAPE)]);
    const taken = await bitmaps.acquire(['a']);
    expect(pictureOf(taken.get('a'))).toEqual(pictureOf(makeBitmap(SHAPE)));
    expect(await statesIn(await disk.crash(bitmaps))).toEqual({ a: 'inconsistent' });
  });

  it('goes on for one bitmap while others are stored', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a'), create('b')]);
    await bitmaps.acquire(['a', 'b']);
    await bitmaps.commit([store('a', SHAPE), create('c')]);
    expect(await statesIn(bitmaps)).toEqual({ a: 'stored', b: 'in-use', c: 'stored' });
    const next = await disk.crash(bitmaps);
    expect(await statesIn(next)).toEqual({ a: 'stored', b: 'inconsistent', c: 'stored' });
  });

  it('leaves a bitmap inconsistent when the store is closed without it', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a')]);
    await bitmaps.acquire(['a']);
    expect(await statesIn(await disk.reopen(bitmaps))).toEqual({ a: 'inconsistent' });
  });
}
