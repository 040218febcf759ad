import type { BitmapStore } from '../store.ts';
import type { Cases, Disk } from './contract-case.ts';
import {
  codeOf,
  create,
  DISK_SIZE,
  GRANULE,
  load,
  makeBitmap,
  pictureOf,
  statesIn,
  store,
} from './helpers.ts';
import {
  createLive,
  isLive,
  LIVE_DISK,
  liveOf,
  NEW,
  OLD,
  sectorsOf,
  writeBits,
} from './live-helpers.ts';

/** In whole sectors, as a qcow2 image wants it, and not in whole granules. */
const LARGER: number = DISK_SIZE + 5 * GRANULE;
const SMALLER: number = DISK_SIZE - 3 * GRANULE;
const FINE = 512;
const CHECKPOINT = '0123456789abcdef'.repeat(2);

const SHAPE = { dirty: [[GRANULE, 1]] } as const;
/** A coarse and a fine bitmap; one is dirty where a smaller disk ends, and behind it. */
const COARSE = {
  dirty: [
    [0, 1],
    [SMALLER - 1, 2 * GRANULE],
  ],
} as const;

async function withTwo(disk: Disk): Promise<BitmapStore> {
  const bitmaps = await disk.open();
  await bitmaps.commit([create('coarse', COARSE), create('fine', { granularity: FINE })]);
  const at = { op: 'store', name: 'coarse', content: makeBitmap(COARSE) } as const;
  await bitmaps.commit([{ ...at, checkpoint: CHECKPOINT }]);
  return bitmaps;
}

/** The checkpoint of the coarse one. */
async function checkpointIn(bitmaps: BitmapStore): Promise<string | undefined> {
  return (await bitmaps.list()).find(({ name }) => name === 'coarse')?.checkpoint;
}

export function resizeCases({ it, expect }: Cases): void {
  it('makes what is added dirty in every bitmap, durably', async (disk) => {
    const bitmaps = await withTwo(disk);
    await disk.resize(bitmaps, LARGER);
    expect(bitmaps.diskSize).toEqual(LARGER);
    for (const found of [bitmaps, await disk.crash(bitmaps)]) {
      expect(found.diskSize).toEqual(LARGER);
      const added = [DISK_SIZE, LARGER - DISK_SIZE] as const;
      const coarse = { diskSize: LARGER, dirty: [...COARSE.dirty, added] };
      const fine = { diskSize: LARGER, granularity: FINE, dirty: [added] };
      expect(await load(found, 'coarse')).toEqual(pictureOf(makeBitmap(coarse)));
      expect(await load(found, 'fine')).toEqual(pictureOf(makeBitmap(fine)));
      expect(await checkpointIn(found)).toEqual(CHECKPOINT);
    }
  });

  it('forgets what is cut off, in every bitmap', async (disk) => {
    const bitmaps = await withTwo(disk);
    await disk.resize(bitmaps, SMALLER);
    for (const found of [bitmaps, await disk.crash(bitmaps)]) {
      expect(found.diskSize).toEqual(SMALLER);
      const coarse = {
        diskSize: SMALLER,
        dirty: [
          [0, 1],
          [SMALLER - 1, 1],
        ],
      } as const;
      const fine = { diskSize: SMALLER, granularity: FINE };
      expect(await load(found, 'coarse')).toEqual(pictureOf(makeBitmap(coarse)));
      expect(await load(found, 'fine')).toEqual(pictureOf(makeBitmap(fine)));
    }
  });

  it('takes checkpoints away where the disk shrinks, unless it was never larger', async (disk) => {
    const bitmaps = await withTwo(disk);
    await disk.resize(bitmaps, LARGER);
    await disk.resize(bitmaps, DISK_SIZE, { isUndo: true });
    expect(await checkpointIn(bitmaps)).toEqual(CHECKPOINT);
    await disk.resize(bitmaps, SMALLER);
    expect(await checkpointIn(bitmaps)).toEqual(undefined);
    await disk.resize(bitmaps, DISK_SIZE);
    expect(await checkpointIn(await disk.reopen(bitmaps))).toEqual(undefined);
  });

  it('does nothing where the size is the one that it has', async (disk) => {
    const bitmaps = await withTwo(disk);
    await bitmaps.acquire(['coarse']);
    await disk.resize(bitmaps, DISK_SIZE);
    expect(await statesIn(bitmaps)).toEqual({ coarse: 'in-use', fine: 'stored' });
    expect(await checkpointIn(bitmaps)).toEqual(CHECKPOINT);
  });

  it('leaves acquired bitmaps acquired, and takes content of the new size', async (disk) => {
    const bitmaps = await withTwo(disk);
    const { coarse } = Object.fromEntries(await bitmaps.acquire(['coarse']));
    await disk.resize(bitmaps, LARGER);
    expect(await statesIn(bitmaps)).toEqual({ coarse: 'in-use', fine: 'stored' });
    const content = coarse!;
    const late = { op: 'store', name: 'coarse', content } as const;
    expect(await codeOf(bitmaps.commit([late]))).toEqual('BITMAP_INVALID');
    content.resize(LARGER, { grown: 'clean' });
    await bitmaps.commit([late]);
    const wanted = makeBitmap({ ...COARSE, diskSize: LARGER });
    expect(await load(await disk.reopen(bitmaps), 'coarse')).toEqual(pictureOf(wanted));
  });

  it('leaves acquired bitmaps in use for others', async (disk) => {
    const bitmaps = await withTwo(disk);
    await bitmaps.acquire(['coarse']);
    await disk.resize(bitmaps, SMALLER);
    expect(await disk.inUse()).toEqual(['coarse']);
    const next = await disk.crash(bitmaps);
    expect(await statesIn(next)).toEqual({ coarse: 'inconsistent', fine: 'stored' });
  });

  it('refuses while there is a bitmap that cannot be resized', async (disk) => {
    const first = await withTwo(disk);
    await first.acquire(['coarse']);
    const bitmaps = await disk.crash(first);
    expect(await codeOf(bitmaps.resize(LARGER))).toEqual('BITMAP_INCONSISTENT');
    expect(bitmaps.diskSize).toEqual(DISK_SIZE);
    const next = await disk.reopen(bitmaps);
    expect(await statesIn(next)).toEqual({ coarse: 'inconsistent', fine: 'stored' });
    expect(await load(next, 'fine')).toEqual(pictureOf(makeBitmap({ granularity: FINE })));
  });

  it('refuses a reader, and sizes that there are not', async (disk) => {
    const bitmaps = await withTwo(disk);
    for (const size of [-512, 0.5, Number.NaN, 2 ** 53]) {
      expect(await codeOf(bitmaps.resize(size))).toEqual('BITMAP_INVALID');
    }
    // 512 MiB of bits is what a bitmap may have.
    expect(await codeOf(bitmaps.resize(2 ** 50))).toEqual('BITMAP_TOO_LARGE');
    expect(await load(bitmaps, 'coarse')).toEqual(pictureOf(makeBitmap(COARSE)));
    await bitmaps.close();
    const reader = await disk.open({ writable: false });
    expect([reader.resizable, reader.diskSize]).toEqual([false, DISK_SIZE]);
    expect(await codeOf(reader.resize(LARGER))).toEqual('STORE_READ_ONLY');
  });

  it('goes on as before with the new size', async (disk) => {
    const bitmaps = await withTwo(disk);
    await disk.resize(bitmaps, LARGER);
    const added = { diskSize: LARGER, dirty: [[LARGER - 1, 1]] } as const;
    expect(await codeOf(bitmaps.commit([create('old', SHAPE)]))).toEqual('BITMAP_INVALID');
    await bitmaps.commit([create('new', added), store('fine', added)]);
    const next = await disk.reopen(bitmaps);
    expect(next.diskSize).toEqual(LARGER);
    expect(await load(next, 'new')).toEqual(pictureOf(makeBitmap(added)));
    expect(await statesIn(next)).toEqual({ coarse: 'stored', fine: 'stored', new: 'stored' });
  });
}

export function fixedSizeCases({ it, expect }: Cases): void {
  it('says that its disk has one size, and refuses another', async (disk) => {
    const bitmaps = await withTwo(disk);
    expect(bitmaps.resizable).toEqual(false);
    expect(await codeOf(bitmaps.resize(LARGER))).toEqual('BITMAP_UNSUPPORTED');
    expect(await load(bitmaps, 'coarse')).toEqual(pictureOf(makeBitmap(COARSE)));
  });
}

export function liveResizeCases({ it, expect }: Cases): void {
  const size = LIVE_DISK + 512;
  const larger = (shape: typeof OLD) => makeBitmap({ ...shape, diskSize: size });

  it(
    'leaves live bitmaps live, with the content that it is given and what follows',
    async (disk) => {
      const bitmaps = await disk.open();
      await bitmaps.commit([createLive('a')]);
      await writeBits(liveOf(bitmaps).bits('a'), NEW, [0]);
      const old = liveOf(bitmaps).bits('a');
      await disk.resize(bitmaps, size, { live: new Map([['a', larger(NEW)]]) });
      expect(await statesIn(bitmaps)).toEqual({ a: 'in-use' });
      expect((await codeOf(writeBits(old, OLD, [0]))) === 'not refused').toEqual(false);
      const shapes = [OLD, NEW].map((shape) => ({ ...shape, diskSize: size }));
      await writeBits(liveOf(bitmaps).bits('a'), shapes[0]!, [1]);
      await liveOf(bitmaps).sync();
      expect(await sectorsOf(await disk.crash(bitmaps), 'a', shapes)).toEqual([1, 0, 1, 1]);
    },
    LIVE_DISK,
  );

  it(
    'refuses without the content of each live bitmap in the new size, and they go on',
    async (disk) => {
      const bitmaps = await disk.open();
      await bitmaps.commit([createLive('a'), createLive('b')]);
      const wrong = [
        undefined,
        new Map([['a', larger(OLD)]]),
        new Map([
          ['a', larger(OLD)],
          ['b', makeBitmap(OLD)],
        ]),
        new Map([
          ['a', larger(OLD)],
          ['b', makeBitmap({ diskSize: size, granularity: 1024 })],
        ]),
      ];
      for (const live of wrong) {
        const code = await codeOf(bitmaps.resize(size, live && { live }));
        expect([code, isLive(bitmaps, 'a')]).toEqual(['BITMAP_INVALID', true]);
      }
      await writeBits(liveOf(bitmaps).bits('b'), NEW, [0]);
      await liveOf(bitmaps).sync();
      const next = await disk.crash(bitmaps);
      expect([next.diskSize, await sectorsOf(next, 'b')]).toEqual([LIVE_DISK, [1, 0, 0, 0]]);
    },
    LIVE_DISK,
  );
}
