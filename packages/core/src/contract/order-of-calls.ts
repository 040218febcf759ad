import type { Cases } from './contract-case.ts';
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

export function orderOfCallsCases({ it, expect }: Cases): void {
  it('loses no change of commits that are made at once', async (disk) => {
    const bitmaps = await disk.open();
    const names = Array.from({ length: 8 }, (_, i) => `b${i}`);
    await Promise.all(names.map((name) => bitmaps.commit([create(name)])));
    expect(await namesIn(bitmaps)).toEqual(names);
    expect(await namesIn(await disk.reopen(bitmaps))).toEqual(names);
  });

  it('answers calls that are made at once in their order', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a')]);
    const answers = await Promise.all([
      bitmaps.commit([store('a', SHAPE)]),
      load(bitmaps, 'a'),
      bitmaps.commit([store('a')]),
      load(bitmaps, 'a'),
      bitmaps.commit([create('b')]),
      namesIn(bitmaps),
      bitmaps.commit([remove('a')]),
      namesIn(bitmaps),
    ]);
    expect(answers[1]).toEqual(pictureOf(makeBitmap(SHAPE)));
    expect(answers[3]).toEqual(pictureOf(makeBitmap()));
    expect(answers[5]).toEqual(['a', 'b']);
    expect(answers[7]).toEqual(['b']);
  });

  it('gives a bitmap that is wanted twice at once to one of the two', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a')]);
    const calls = [bitmaps.acquire(['a']), bitmaps.acquire(['a'])];
    const answers = await Promise.all(calls.map(codeOf));
    expect(answers).toEqual(['not refused', 'BITMAP_BUSY']);
  });

  it('goes on after a call that was refused', async (disk) => {
    const bitmaps = await disk.open();
    const refused = codeOf(bitmaps.commit([remove('missing')]));
    const made = bitmaps.commit([create('a')]);
    expect(await refused).toEqual('BITMAP_NOT_FOUND');
    await made;
    expect(await statesIn(bitmaps)).toEqual({ a: 'stored' });
  });

  it('finishes the calls that came before close', async (disk) => {
    const bitmaps = await disk.open();
    const calls = [bitmaps.commit([create('a')]), bitmaps.commit([create('b')])];
    await bitmaps.close();
    await Promise.all(calls);
    expect(await namesIn(await disk.open())).toEqual(['a', 'b']);
  });
}
