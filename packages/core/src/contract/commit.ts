import type { BitmapChange } from '../bitmap-change.ts';
import type { BitmapStore } from '../store.ts';
import type { Cases } from './contract-case.ts';
import {
  codeOf,
  create,
  DISK_SIZE,
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
const CREATING = { op: 'create', name: 'new', enabled: true, acquire: true } as const;

export function commitCases(cases: Cases): void {
  refusalCases(cases);
  orderCases(cases);
  acquiringCases(cases);
}

function refusalCases({ it, expect }: Cases): void {
  const refusals: readonly (readonly [string, string, BitmapChange])[] = [
    ['to create what exists', 'BITMAP_EXISTS', create('b', { dirty: [[0, 1]] })],
    ['to store what does not exist', 'BITMAP_NOT_FOUND', store('missing')],
    ['to remove what does not exist', 'BITMAP_NOT_FOUND', remove('missing')],
    ['content of a smaller disk', 'BITMAP_INVALID', store('b', { diskSize: DISK_SIZE - 512 })],
    ['content of a larger disk', 'BITMAP_INVALID', create('c', { diskSize: DISK_SIZE + 512 })],
  ];
  for (const [what, code, change] of refusals) {
    it(`refuses ${what}, and the changes before it with it`, async (disk) => {
      const bitmaps = await disk.open();
      await bitmaps.commit([create('a'), create('b', SHAPE)]);
      const valid = [create('x'), remove('a'), store('b', { dirty: [[0, DISK_SIZE]] })];
      expect(await codeOf(bitmaps.commit([...valid, change]))).toEqual(code);
      await expectUntouched(bitmaps);
      await expectUntouched(await disk.reopen(bitmaps));
    });
  }

  async function expectUntouched(bitmaps: BitmapStore): Promise<void> {
    expect(await statesIn(bitmaps)).toEqual({ a: 'stored', b: 'stored' });
    expect(await load(bitmaps, 'b')).toEqual(pictureOf(makeBitmap(SHAPE)));
  }

  it('leaves an acquired bitmap acquired when it is refused', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a')]);
    await bitmaps.acquire(['a']);
    const refused = bitmaps.commit([store('a'), remove('missing')]);
    expect(await codeOf(refused)).toEqual('BITMAP_NOT_FOUND');
    expect(await statesIn(bitmaps)).toEqual({ a: 'in-use' });
    await bitmaps.commit([store('a', SHAPE)]);
    const next = await disk.reopen(bitmaps);
    expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap(SHAPE)));
  });
}

function orderCases({ it, expect }: Cases): void {
  it('is durable once it resolves', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a'), create('b')]);
    await bitmaps.commit([store('a', SHAPE), remove('b'), create('c', SHAPE)]);
    const next = await disk.crash(bitmaps);
    expect(await namesIn(next)).toEqual(['a', 'c']);
    expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap(SHAPE)));
    expect(await load(next, 'c')).toEqual(pictureOf(makeBitmap(SHAPE)));
  });

  it('makes its changes in order', async (disk) => {
    const other = { granularity: 512, dirty: [[0, 512]] } as const;
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a', SHAPE), create('b')]);
    await bitmaps.commit([
      remove('a'),
      create('a', other),
      create('brief'),
      store('brief', SHAPE),
      remove('brief'),
      store('b'),
      store('b', SHAPE),
      create('c'),
      store('c', SHAPE),
      { ...CREATING, content: makeBitmap() },
      store('new', SHAPE),
    ]);
    const next = await disk.crash(bitmaps);
    expect(await statesIn(next)).toEqual({ b: 'stored', a: 'stored', c: 'stored', new: 'stored' });
    expect(await namesIn(next)).toEqual(['b', 'a', 'c', 'new']);
    expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap(other)));
    expect(await load(next, 'b')).toEqual(pictureOf(makeBitmap(SHAPE)));
    expect(await load(next, 'c')).toEqual(pictureOf(makeBitmap(SHAPE)));
  });

  it('does nothing when there is nothing to change', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a', SHAPE)]);
    await bitmaps.acquire(['a']);
    await bitmaps.commit([]);
    expect(await statesIn(bitmaps)).toEqual({ a: 'in-use' });
  });
}

function acquiringCases({ it, expect }: Cases): void {
  it('can create a bitmap that is in use from the start', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([{ ...CREATING, content: makeBitmap() }]);
    expect(await statesIn(bitmaps)).toEqual({ new: 'in-use' });
    expect(await codeOf(bitmaps.load('new'))).toEqual('BITMAP_BUSY');
    expect(await statesIn(await disk.crash(bitmaps))).toEqual({ new: 'inconsistent' });
  });

  it('stores a bitmap that was in use from the start', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([{ ...CREATING, content: makeBitmap() }]);
    await bitmaps.commit([store('new', SHAPE)]);
    const next = await disk.crash(bitmaps);
    expect(await statesIn(next)).toEqual({ new: 'stored' });
    expect(await load(next, 'new')).toEqual(pictureOf(makeBitmap(SHAPE)));
  });

  it('ends one bitmap and begins the next in one step', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('old'), create('sum')]);
    await bitmaps.acquire(['old']);
    await bitmaps.commit([
      store('sum', SHAPE),
      remove('old'),
      { ...CREATING, content: makeBitmap() },
    ]);
    expect(await statesIn(bitmaps)).toEqual({ sum: 'stored', new: 'in-use' });
    const next = await disk.crash(bitmaps);
    expect(await statesIn(next)).toEqual({ sum: 'stored', new: 'inconsistent' });
    expect(await load(next, 'sum')).toEqual(pictureOf(makeBitmap(SHAPE)));
  });
}
