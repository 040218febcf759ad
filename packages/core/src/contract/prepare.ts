import type { Cases, Disk } from './contract-case.ts';
import {
  codeOf,
  create,
  GRANULE,
  load,
  makeBitmap,
  namesIn,
  pictureOf,
  remove,
  statesIn,
  store,
} from './helpers.ts';

const SHAPE = { dirty: [[GRANULE, 1]] } as const;
const CHANGES = [store('a', SHAPE), remove('b'), create('c', SHAPE)];

async function withTwo(disk: Disk) {
  const bitmaps = await disk.open();
  await bitmaps.commit([create('a'), create('b', SHAPE)]);
  return bitmaps;
}

export function prepareCases(cases: Cases): void {
  halvesCases(cases);
  abortCases(cases);
  turnCases(cases);
}

function halvesCases({ it, expect }: Cases): void {
  it('changes nothing on disk by itself', async (disk) => {
    const bitmaps = await withTwo(disk);
    await bitmaps.prepare(CHANGES);
    const next = await disk.crash(bitmaps);
    expect(await namesIn(next)).toEqual(['a', 'b']);
    expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap()));
    expect(await load(next, 'b')).toEqual(pictureOf(makeBitmap(SHAPE)));
  });

  it('makes its changes when it is committed, durably', async (disk) => {
    const bitmaps = await withTwo(disk);
    await (await bitmaps.prepare(CHANGES)).commit();
    expect(await namesIn(bitmaps)).toEqual(['a', 'c']);
    const next = await disk.crash(bitmaps);
    expect(await namesIn(next)).toEqual(['a', 'c']);
    expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap(SHAPE)));
    expect(await load(next, 'c')).toEqual(pictureOf(makeBitmap(SHAPE)));
  });

  it('takes content as it is when it is handed over', async (disk) => {
    const bitmaps = await withTwo(disk);
    const content = makeBitmap(SHAPE);
    const asked = bitmaps.prepare([{ op: 'store', name: 'a', content }]);
    content.clear();
    const prepared = await asked;
    await prepared.commit();
    expect(await load(bitmaps, 'a')).toEqual(pictureOf(makeBitmap(SHAPE)));
  });

  it('refuses what a commit would refuse, and what comes after it is done', async (disk) => {
    const bitmaps = await withTwo(disk);
    expect(await codeOf(bitmaps.prepare([remove('a'), create('b')]))).toEqual('BITMAP_EXISTS');
    expect(await namesIn(bitmaps)).toEqual(['a', 'b']);
    await (await bitmaps.prepare([remove('a')])).commit();
    expect(await namesIn(await disk.reopen(bitmaps))).toEqual(['b']);
  });
}

function abortCases({ it, expect }: Cases): void {
  it('leaves no trace of changes that are given up', async (disk) => {
    const bitmaps = await withTwo(disk);
    const prepared = await bitmaps.prepare(CHANGES);
    await prepared.abort();
    await prepared.abort();
    expect((await codeOf(prepared.commit())) === 'not refused').toEqual(false);
    expect(await namesIn(bitmaps)).toEqual(['a', 'b']);
    expect(await load(bitmaps, 'a')).toEqual(pictureOf(makeBitmap()));
    await bitmaps.commit(CHANGES);
    const next = await disk.reopen(bitmaps);
    expect(await namesIn(next)).toEqual(['a', 'c']);
    expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap(SHAPE)));
  });

  it('cannot give up changes that were made', async (disk) => {
    const bitmaps = await withTwo(disk);
    const prepared = await bitmaps.prepare([remove('b')]);
    await prepared.commit();
    await prepared.abort();
    expect((await codeOf(prepared.commit())) === 'not refused').toEqual(false);
    expect(await namesIn(await disk.reopen(bitmaps))).toEqual(['a']);
  });

  it('is given up by close', async (disk) => {
    const bitmaps = await withTwo(disk);
    const prepared = await bitmaps.prepare(CHANGES);
    await bitmaps.close();
    expect(await codeOf(prepared.commit())).toEqual('STORE_CLOSED');
    expect(await namesIn(await disk.open())).toEqual(['a', 'b']);
  });

  it('is given up by a close that comes before it is ready', async (disk) => {
    const bitmaps = await withTwo(disk);
    const asked = bitmaps.prepare(CHANGES);
    await bitmaps.close();
    expect(await codeOf((await asked).commit())).toEqual('STORE_CLOSED');
    expect(await namesIn(await disk.open())).toEqual(['a', 'b']);
  });
}

function turnCases({ it, expect }: Cases): void {
  it('keeps other calls waiting until it is over', async (disk) => {
    const bitmaps = await withTwo(disk);
    const first = await bitmaps.prepare([remove('a'), create('c')]);
    const [second, names] = [bitmaps.prepare([create('d')]), namesIn(bitmaps)];
    await first.commit();
    await (await second).abort();
    expect(await names).toEqual(['b', 'c']);
    expect(await statesIn(bitmaps)).toEqual({ b: 'stored', c: 'stored' });
  });
}
