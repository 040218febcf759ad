import type { Cases } from './contract-case.ts';
import { codeOf, create, load, makeBitmap, pictureOf, statesIn } from './helpers.ts';

const SHAPE = { dirty: [[0, 1]] } as const;

export function noLiveCases({ it, expect }: Cases): void {
  it('has no live bitmaps', async (disk) => {
    const bitmaps = await disk.open();
    expect(bitmaps.live === undefined).toEqual(true);
  });

  it('refuses to make bitmaps live, and changes nothing', async (disk) => {
    const bitmaps = await disk.open();
    await bitmaps.commit([create('a', SHAPE)]);
    const content = makeBitmap();
    const calls = [
      () => bitmaps.acquire(['a'], { live: true }),
      () => bitmaps.commit([{ op: 'store', name: 'a', content, live: true }]),
      () => bitmaps.commit([{ op: 'create', name: 'b', enabled: true, content, acquire: 'live' }]),
    ];
    for (const call of calls) expect(await codeOf(call())).toEqual('BITMAP_UNSUPPORTED');
    expect(await codeOf(bitmaps.commit([{ op: 'release', name: 'a' }]))).toEqual('BITMAP_INVALID');
    expect(await statesIn(bitmaps)).toEqual({ a: 'stored' });
    const next = await disk.crash(bitmaps);
    expect(await statesIn(next)).toEqual({ a: 'stored' });
    expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap(SHAPE)));
  });
}
