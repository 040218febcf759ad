import type { Cases } from './contract-case.ts';
import {
  create,
  DISK_SIZE,
  GRANULE,
  load,
  makeBitmap,
  pictureOf,
  remove,
  store as put,
} from './helpers.ts';

const KIB = 1024;
const GIB = 1024 ** 3;
/** At 64 KiB a bit: two times 64 KiB of bits and one bit more, so that pieces can differ. */
const LARGE_DISK = 64 * GIB + 512;

export function contentCases(cases: Cases): void {
  sizeCases(cases);
  changeCases(cases);
  largeCases(cases);
}

function sizeCases({ it, expect }: Cases): void {
  it('gives back what it was given, the short last granule too', async (disk) => {
    const bitmaps = await disk.open();
    const shape = {
      dirty: [
        [0, 1],
        [3 * GRANULE, 2 * GRANULE],
        [DISK_SIZE - 1, 1],
      ],
    } as const;
    await bitmaps.commit([create('b', shape)]);
    expect(await load(bitmaps, 'b')).toEqual(pictureOf(makeBitmap(shape)));
    expect(await load(await disk.reopen(bitmaps), 'b')).toEqual(pictureOf(makeBitmap(shape)));
  });

  it('keeps bitmaps that are all clean and all dirty', async (disk) => {
    const all = { dirty: [[0, DISK_SIZE]] } as const;
    const bitmaps = await disk.open();
    await bitmaps.commit([create('clean'), create('dirty', all)]);
    const next = await disk.reopen(bitmaps);
    expect(await load(next, 'clean')).toEqual(pictureOf(makeBitmap()));
    expect(await load(next, 'dirty')).toEqual(pictureOf(makeBitmap(all)));
  });

  it('keeps bitmaps of different granularities side by side', async (disk) => {
    const shapes = [512, 4 * KIB, GRANULE, 1024 * KIB, 2 * GIB].map((granularity, i) => {
      return { granularity, dirty: [[i * 100 * KIB, 1]] } as const;
    });
    const bitmaps = await disk.open();
    await bitmaps.commit(shapes.map((shape) => create(`b${shape.granularity}`, shape)));
    const next = await disk.reopen(bitmaps);
    for (const shape of shapes) {
      const name = `b${shape.granularity}`;
      expect([name, await load(next, name)]).toEqual([name, pictureOf(makeBitmap(shape))]);
    }
  });
}

function changeCases({ it, expect }: Cases): void {
  it('puts new content in place of the old', async (disk) => {
    const bitmaps = await disk.open();
    const before = { dirty: [[0, 5 * GRANULE]] } as const;
    const after = { dirty: [[4 * GRANULE, 3 * GRANULE]] } as const;
    await bitmaps.commit([create('b', before), create('c', { dirty: [[0, DISK_SIZE]] })]);
    await bitmaps.commit([put('b', after), put('c')]);
    const next = await disk.reopen(bitmaps);
    expect(await load(next, 'b')).toEqual(pictureOf(makeBitmap(after)));
    expect(await load(next, 'c')).toEqual(pictureOf(makeBitmap()));
  });

  it('leaves the other bitmaps as they are', async (disk) => {
    const shape = { dirty: [[2 * GRANULE, 1]] } as const;
    const bitmaps = await disk.open();
    await bitmaps.commit([create('kept', shape), create('changed'), create('removed')]);
    await bitmaps.commit([put('changed', { dirty: [[0, 1]] }), remove('removed')]);
    expect(await load(bitmaps, 'kept')).toEqual(pictureOf(makeBitmap(shape)));
    expect(await load(await disk.reopen(bitmaps), 'kept')).toEqual(pictureOf(makeBitmap(shape)));
  });

  it('shares no memory with its callers', async (disk) => {
    const bitmaps = await disk.open();
    const given = makeBitmap();
    await bitmaps.commit([{ op: 'create', name: 'b', enabled: true, content: given }]);
    given.setAll();
    expect(await load(bitmaps, 'b')).toEqual(pictureOf(makeBitmap()));
    (await bitmaps.load('b')).setAll();
    expect(await load(bitmaps, 'b')).toEqual(pictureOf(makeBitmap()));
    expect(await load(await disk.reopen(bitmaps), 'b')).toEqual(pictureOf(makeBitmap()));
  });

  it('takes content as it is when commit is called, whatever becomes of it', async (disk) => {
    const bitmaps = await disk.open();
    const content = makeBitmap({ dirty: [[0, 1]] });
    const done = bitmaps.commit([{ op: 'create', name: 'b', enabled: true, content }]);
    content.setAll();
    await done;
    const expected = pictureOf(makeBitmap({ dirty: [[0, 1]] }));
    expect(await load(await disk.reopen(bitmaps), 'b')).toEqual(expected);
  });
}

function largeCases({ it, expect }: Cases): void {
  it(
    'keeps a large bitmap whose parts are clean, dirty and mixed',
    async (disk) => {
      const half = 32 * GIB;
      const kinds = [
        { dirty: [[0, half]] },
        { dirty: [[half, half + 512]] },
        {
          dirty: [
            [10 * GIB, 1],
            [half - 1, 2],
            [64 * GIB, 512],
          ],
        },
        {
          granularity: 4 * KIB,
          dirty: [
            [7 * GIB, 9 * GIB],
            [40 * GIB + 12_288, 4 * KIB],
          ],
        },
      ] as const;
      const shapes = kinds.map((kind) => ({ ...kind, diskSize: LARGE_DISK }));
      const bitmaps = await disk.open();
      await bitmaps.commit(shapes.map((shape, i) => create(`b${i}`, shape)));
      const next = await disk.reopen(bitmaps);
      for (const [i, shape] of shapes.entries()) {
        expect([i, await load(next, `b${i}`)]).toEqual([i, pictureOf(makeBitmap(shape))]);
      }
    },
    LARGE_DISK,
  );

  it('keeps a bitmap of a disk that is smaller than one granule', async (disk) => {
    const shape = { diskSize: 512, granularity: 2 * GIB, dirty: [[0, 1]] } as const;
    const bitmaps = await disk.open();
    await bitmaps.commit([create('b', shape)]);
    const next = await disk.reopen(bitmaps);
    expect(await load(next, 'b')).toEqual(pictureOf(makeBitmap(shape)));
  }, 512);
}
