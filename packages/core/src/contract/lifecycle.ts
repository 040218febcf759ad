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

export function lifecycleCases({ it, expect }: Cases): void {
  it('refuses every change when it is open for reading', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a', SHAPE)]);
    await bitmaps.close();
    const reader = await disk.open({ writable: false });
    const changes = [create('b'), store('a'), remove('a')];
    expect(await codeOf(reader.acquire(['a']))).toEqual('STORE_READ_ONLY');
    for (const change of changes) {
      expect([change.op, await codeOf(reader.commit([change]))]).toEqual([
        change.op,
        'STORE_READ_ONLY',
      ]);
    }
    const next = await disk.reopen(reader);
    expect(await statesIn(next)).toEqual({ a: 'stored' });
    expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap(SHAPE)));
  });

  it('leaves no trace of a reader, not even of one that crashed', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a', SHAPE), create('b')]);
    await bitmaps.close();
    const reader = await disk.open({ writable: false });
    expect(await load(reader, 'a')).toEqual(pictureOf(makeBitmap(SHAPE)));
    expect(await statesIn(reader)).toEqual({ a: 'stored', b: 'stored' });
    expect(await statesIn(await disk.crash(reader))).toEqual({ a: 'stored', b: 'stored' });
  });

  it('refuses every call once it is closed', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a')]);
    await bitmaps.close();
    expect(await codeOf(bitmaps.list())).toEqual('STORE_CLOSED');
    expect(await codeOf(bitmaps.load('a'))).toEqual('STORE_CLOSED');
    expect(await codeOf(bitmaps.acquire(['a']))).toEqual('STORE_CLOSED');
    expect(await codeOf(bitmaps.commit([remove('a')]))).toEqual('STORE_CLOSED');
    expect(await statesIn(await disk.open())).toEqual({ a: 'stored' });
  });

  it('can be closed again without harm, also by dispose', async (disk) => {
    const bitmaps = await disk.open();
    await Promise.all([bitmaps.close(), bitmaps.close()]);
    await bitmaps.close();
    await bitmaps[Symbol.asyncDispose]();
    expect(await codeOf(bitmaps.list())).toEqual('STORE_CLOSED');
  });

  it('is closed by dispose', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a')]);
    await bitmaps[Symbol.asyncDispose]();
    expect(await codeOf(bitmaps.list())).toEqual('STORE_CLOSED');
    expect(await statesIn(await disk.open())).toEqual({ a: 'stored' });
  });
}
