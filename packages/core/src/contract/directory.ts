import type { Cases } from './contract-case.ts';
import { create, DISK_SIZE, GRANULE, makeBitmap, namesIn, remove, store } from './helpers.ts';

export function directoryCases({ it, expect }: Cases): void {
  it('starts empty', async (disk) => {
    const bitmaps = await disk.open();
    expect(await bitmaps.list()).toEqual([]);
    expect(await (await disk.reopen(bitmaps)).list()).toEqual([]);
  });

  it('says what it is of, and whether it can be changed', async (disk) => {
    const bitmaps = await disk.open();
    expect([bitmaps.diskSize, bitmaps.writable]).toEqual([DISK_SIZE, true]);
    expect(bitmaps.label.length > 0).toEqual(true);
    await bitmaps.close();
    const reader = await disk.open({ writable: false });
    expect([reader.diskSize, reader.writable]).toEqual([DISK_SIZE, false]);
  });

  it('lists what there is to know of each bitmap', async (disk) => {
    const bitmaps = await disk.open();
    const off = { op: 'create', name: 'off', enabled: false } as const;
    await bitmaps.commit([
      create('on', { granularity: 4096 }),
      { ...off, content: makeBitmap({ dirty: [[0, 1]] }) },
    ]);
    const expected = [
      { name: 'on', granularity: 4096, enabled: true, state: 'stored' },
      { name: 'off', granularity: GRANULE, enabled: false, state: 'stored' },
    ];
    expect(await bitmaps.list()).toEqual(expected);
    expect(await (await disk.reopen(bitmaps)).list()).toEqual(expected);
  });

  it('keeps bitmaps in the order in which they were made', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('m'), create('z')]);
    await bitmaps.commit([create('a')]);
    await bitmaps.commit([store('m', { dirty: [[0, 1]] })]);
    expect(await namesIn(bitmaps)).toEqual(['m', 'z', 'a']);
    await bitmaps.commit([remove('m'), create('m')]);
    expect(await namesIn(bitmaps)).toEqual(['z', 'a', 'm']);
    expect(await namesIn(await disk.reopen(bitmaps))).toEqual(['z', 'a', 'm']);
  });

  it('changes the enabled flag when it is told to, and only then', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('kept'), create('changed')]);
    await bitmaps.commit([
      store('kept'),
      { op: 'store', name: 'changed', enabled: false, content: makeBitmap() },
    ]);
    await bitmaps.commit([store('changed')]);
    const next = await disk.reopen(bitmaps);
    const flags = (await next.list()).map(({ name, enabled }) => [name, enabled]);
    expect(flags).toEqual([
      ['kept', true],
      ['changed', false],
    ]);
  });

  it('is empty again once every bitmap was removed', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a'), create('b')]);
    await bitmaps.commit([remove('a')]);
    await bitmaps.commit([remove('b')]);
    const next = await disk.reopen(bitmaps);
    expect(await next.list()).toEqual([]);
    await next.commit([create('a')]);
    expect(await namesIn(await disk.reopen(next))).toEqual(['a']);
  });
}
