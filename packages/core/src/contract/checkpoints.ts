import type { BitmapChange } from '../bitmap-change.ts';
import type { BitmapStore } from '../store.ts';
import type { Cases } from './contract-case.ts';
import { codeOf, create, makeBitmap, namesIn, remove, store } from './helpers.ts';

const FIRST = '0123456789abcdef'.repeat(2);
const SECOND = 'fedcba9876543210'.repeat(2);

function storeAt(name: string, checkpoint: string | null): BitmapChange {
  return { op: 'store', name, content: makeBitmap(), checkpoint };
}

async function checkpointsIn(bitmaps: BitmapStore): Promise<Record<string, string | null>> {
  const infos = await bitmaps.list();
  return Object.fromEntries(infos.map(({ name, checkpoint }) => [name, checkpoint ?? null]));
}

export function checkpointCases({ it, expect }: Cases): void {
  it('are kept with the bitmap, durably, and of each bitmap its own', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a'), create('b'), create('c')]);
    expect(await checkpointsIn(bitmaps)).toEqual({ a: null, b: null, c: null });
    await bitmaps.commit([storeAt('a', FIRST), storeAt('c', SECOND)]);
    expect(await checkpointsIn(bitmaps)).toEqual({ a: FIRST, b: null, c: SECOND });
    const next = await disk.crash(bitmaps);
    expect(await checkpointsIn(next)).toEqual({ a: FIRST, b: null, c: SECOND });
    expect([...(await namesIn(next))].sort()).toEqual(['a', 'b', 'c']);
  });

  it('stay while the bitmap is used and stored, whatever becomes of others', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a'), create('b')]);
    await bitmaps.commit([storeAt('a', FIRST), storeAt('b', FIRST)]);
    await bitmaps.acquire(['a']);
    await bitmaps.commit([remove('b'), create('b')]);
    await bitmaps.commit([store('a')]);
    expect(await checkpointsIn(await disk.reopen(bitmaps))).toEqual({ a: FIRST, b: null });
  });

  it('are replaced, and taken away', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a'), create('b')]);
    await bitmaps.commit([storeAt('a', FIRST), storeAt('b', FIRST)]);
    await bitmaps.commit([storeAt('a', SECOND), storeAt('b', null)]);
    expect(await checkpointsIn(bitmaps)).toEqual({ a: SECOND, b: null });
    expect(await checkpointsIn(await disk.reopen(bitmaps))).toEqual({ a: SECOND, b: null });
  });

  it('are given to a bitmap with its first content', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([{ ...create('a'), checkpoint: FIRST }, create('b')]);
    expect(await checkpointsIn(bitmaps)).toEqual({ a: FIRST, b: null });
    expect(await checkpointsIn(await disk.crash(bitmaps))).toEqual({ a: FIRST, b: null });
  });

  it('are 32 hexadecimal digits', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a')]);
    for (const wrong of ['', 'a', FIRST.toUpperCase(), `${FIRST}0`]) {
      expect(await codeOf(bitmaps.commit([storeAt('a', wrong)]))).toEqual('BITMAP_INVALID');
      const made = { ...create('b'), checkpoint: wrong };
      expect(await codeOf(bitmaps.commit([made]))).toEqual('BITMAP_INVALID');
    }
    expect(await checkpointsIn(bitmaps)).toEqual({ a: null });
  });
}
