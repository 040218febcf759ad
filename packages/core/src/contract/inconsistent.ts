import type { BitmapStore } from '../store.ts';
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

/** A store with the bitmap 'lost', which was in use at a crash, and the sound bitmap 'kept'. */
async function afterCrash(disk: Disk): Promise<BitmapStore> {
  const bitmaps = await disk.open();
  await bitmaps.commit([create('lost'), create('kept', SHAPE)]);
  await bitmaps.acquire(['lost']);
  return disk.crash(bitmaps);
}

export function inconsistentCases({ it, expect }: Cases): void {
  it('are listed, and refused to whoever wants their content', async (disk) => {
    const bitmaps = await afterCrash(disk);
    expect(await statesIn(bitmaps)).toEqual({ lost: 'inconsistent', kept: 'stored' });
    expect(await codeOf(bitmaps.load('lost'))).toEqual('BITMAP_INCONSISTENT');
    expect(await codeOf(bitmaps.acquire(['lost']))).toEqual('BITMAP_INCONSISTENT');
    expect(await codeOf(bitmaps.acquire(['kept', 'lost']))).toEqual('BITMAP_INCONSISTENT');
    expect(await statesIn(bitmaps)).toEqual({ lost: 'inconsistent', kept: 'stored' });
  });

  it('cannot be made good by storing content', async (disk) => {
    const bitmaps = await afterCrash(disk);
    expect(await codeOf(bitmaps.commit([store('lost')]))).toEqual('BITMAP_INCONSISTENT');
    expect(await codeOf(bitmaps.commit([create('lost')]))).toEqual('BITMAP_EXISTS');
    expect(await statesIn(await disk.reopen(bitmaps))).toEqual({
      lost: 'inconsistent',
      kept: 'stored',
    });
  });

  it('stay so, whatever is done with the others', async (disk) => {
    const bitmaps = await afterCrash(disk);
    await bitmaps.acquire(['kept']);
    await bitmaps.commit([store('kept', SHAPE), create('new')]);
    const next = await disk.reopen(bitmaps);
    expect(await statesIn(next)).toEqual({ lost: 'inconsistent', kept: 'stored', new: 'stored' });
    expect(await load(next, 'kept')).toEqual(pictureOf(makeBitmap(SHAPE)));
  });

  it('can be removed', async (disk) => {
    const bitmaps = await afterCrash(disk);
    await bitmaps.commit([remove('lost')]);
    expect(await namesIn(bitmaps)).toEqual(['kept']);
    const next = await disk.reopen(bitmaps);
    expect(await namesIn(next)).toEqual(['kept']);
    expect(await load(next, 'kept')).toEqual(pictureOf(makeBitmap(SHAPE)));
  });

  it('can be replaced under their name in one commit', async (disk) => {
    const bitmaps = await afterCrash(disk);
    const fresh = { dirty: [[0, 2 * GRANULE]], granularity: 4096 } as const;
    await bitmaps.commit([remove('lost'), create('lost', fresh)]);
    expect(await statesIn(bitmaps)).toEqual({ kept: 'stored', lost: 'stored' });
    const next = await disk.reopen(bitmaps);
    expect(await load(next, 'lost')).toEqual(pictureOf(makeBitmap(fresh)));
  });

  it('are shown to a reader too, who leaves them as they are', async (disk) => {
    await (await afterCrash(disk)).close();
    const reader = await disk.open({ writable: false });
    expect(await statesIn(reader)).toEqual({ lost: 'inconsistent', kept: 'stored' });
    expect(await codeOf(reader.load('lost'))).toEqual('BITMAP_INCONSISTENT');
    expect(await statesIn(await disk.reopen(reader))).toEqual({
      lost: 'inconsistent',
      kept: 'stored',
    });
  });
}
