import type { BitmapChange } from '../bitmap-change.ts';
import type { BitmapStore } from '../store.ts';
import type { Cases, Disk } from './contract-case.ts';
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

const FIRST = '0123456789abcdef'.repeat(2);
const SOME = { dirty: [[GRANULE, 1]] } as const;
const END = { dirty: [[DISK_SIZE - 1, 1]] } as const;
const FINE = { granularity: 512, dirty: [[5 * GRANULE - 512, 1024]] } as const;
const COARSE = { granularity: 4 * GRANULE, dirty: [[8 * GRANULE, 1]] } as const;

const clear = (name: string): BitmapChange => ({ op: 'clear', name });

function merge(name: string, ...sources: readonly string[]): BitmapChange {
  return { op: 'merge', name, sources };
}

/** Bitmaps of three granularities. */
async function opened(disk: Disk): Promise<BitmapStore> {
  const bitmaps = await disk.open();
  await bitmaps.commit([
    { ...create('a', SOME), checkpoint: FIRST },
    { ...create('end', END), enabled: false },
    create('fine', FINE),
    create('coarse', COARSE),
  ]);
  return bitmaps;
}

async function told(bitmaps: BitmapStore, name: string): Promise<unknown> {
  const found = (await bitmaps.list()).find((info) => info.name === name);
  return { enabled: found?.enabled, checkpoint: found?.checkpoint };
}

export function atRestCases(cases: Cases): void {
  flagCases(cases);
  mergeCases(cases);
  refusalCases(cases);
}

function flagCases({ it, expect }: Cases): void {
  it('clears a bitmap, which keeps its flags and begins at another checkpoint', async (disk) => {
    const bitmaps = await opened(disk);
    await bitmaps.commit([clear('a'), { op: 'clear', name: 'end', checkpoint: FIRST }]);
    const next = await disk.crash(bitmaps);
    expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap()));
    expect(await load(next, 'end')).toEqual(pictureOf(makeBitmap()));
    expect(await load(next, 'fine')).toEqual(pictureOf(makeBitmap(FINE)));
    expect(await told(next, 'a')).toEqual({ enabled: true, checkpoint: undefined });
    expect(await told(next, 'end')).toEqual({ enabled: false, checkpoint: FIRST });
  });

  it('switches a bitmap, whose bits stay and whose checkpoint goes', async (disk) => {
    const bitmaps = await opened(disk);
    await bitmaps.commit([{ op: 'switch', name: 'a', enabled: false }]);
    await bitmaps.commit([{ op: 'switch', name: 'end', enabled: true }]);
    const next = await disk.crash(bitmaps);
    expect(await told(next, 'a')).toEqual({ enabled: false, checkpoint: undefined });
    expect(await told(next, 'end')).toEqual({ enabled: true, checkpoint: undefined });
    expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap(SOME)));
    expect(await load(next, 'end')).toEqual(pictureOf(makeBitmap(END)));
  });
}

function mergeCases({ it, expect }: Cases): void {
  it('merges bitmaps of any granularity, and contents, and leaves them as they are', async (disk) => {
    const bitmaps = await opened(disk);
    const content = makeBitmap({ granularity: 512, dirty: [[3 * GRANULE, 1]] });
    const sources = ['end', 'fine', 'coarse', content];
    const merging = bitmaps.commit([{ op: 'merge', name: 'a', sources }]);
    content.clear();
    await merging;
    await bitmaps.commit([merge('fine', 'coarse'), merge('coarse', 'end', 'coarse')]);
    const next = await disk.crash(bitmaps);
    const inA = [SOME.dirty[0], [3 * GRANULE, 3 * GRANULE], [8 * GRANULE, 4 * GRANULE]] as const;
    const all = [...inA, END.dirty[0]];
    expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap({ dirty: all })));
    expect(await told(next, 'a')).toEqual({ enabled: true, checkpoint: FIRST });
    expect(await load(next, 'end')).toEqual(pictureOf(makeBitmap(END)));
    const fine = { ...FINE, dirty: [FINE.dirty[0], [8 * GRANULE, 4 * GRANULE]] } as const;
    expect(await load(next, 'fine')).toEqual(pictureOf(makeBitmap(fine)));
    const coarse = { ...COARSE, dirty: [COARSE.dirty[0], END.dirty[0]] } as const;
    expect(await load(next, 'coarse')).toEqual(pictureOf(makeBitmap(coarse)));
  });

  it('merges bitmaps as the changes before it have left them', async (disk) => {
    const bitmaps = await opened(disk);
    const other = { dirty: [[2 * GRANULE, 1]] } as const;
    await bitmaps.commit([
      create('new'),
      merge('new', 'a'),
      store('a', other),
      merge('new', 'a'),
      clear('end'),
      merge('end', 'new', 'a'),
      store('new', END),
    ]);
    const next = await disk.reopen(bitmaps);
    const both = { dirty: [SOME.dirty[0], other.dirty[0]] } as const;
    expect(await load(next, 'end')).toEqual(pictureOf(makeBitmap(both)));
    expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap(other)));
    expect(await load(next, 'new')).toEqual(pictureOf(makeBitmap(END)));
  });

  it('merges what goes with the same commit', async (disk) => {
    const bitmaps = await opened(disk);
    const made = { ...create('end', SOME), enabled: false };
    await bitmaps.commit([merge('a', 'end'), remove('end'), made, remove('fine')]);
    const next = await disk.reopen(bitmaps);
    const both = { dirty: [SOME.dirty[0], END.dirty[0]] } as const;
    expect(await load(next, 'a')).toEqual(pictureOf(makeBitmap(both)));
    expect(await load(next, 'end')).toEqual(pictureOf(makeBitmap(SOME)));
    expect(await namesIn(next)).toEqual(['a', 'coarse', 'end']);
  });

  it('merges in a commit that is prepared, too', async (disk) => {
    const bitmaps = await opened(disk);
    const given = await bitmaps.prepare([merge('a', 'end')]);
    await given.abort();
    expect(await load(bitmaps, 'a')).toEqual(pictureOf(makeBitmap(SOME)));
    const prepared = await bitmaps.prepare([merge('a', 'end')]);
    await prepared.commit();
    const both = { dirty: [SOME.dirty[0], END.dirty[0]] } as const;
    expect(await load(await disk.crash(bitmaps), 'a')).toEqual(pictureOf(makeBitmap(both)));
  });
}

function refusalCases({ it, expect }: Cases): void {
  const touching: readonly (readonly [string, BitmapChange])[] = [
    ['to clear', clear('a')],
    ['to switch', { op: 'switch', name: 'a', enabled: false }],
    ['to merge into', merge('a', 'end')],
    ['to merge', merge('end', 'a')],
  ];
  for (const [what, change] of touching) {
    it(`refuses ${what} what is in use, or was when its user crashed`, async (disk) => {
      const bitmaps = await opened(disk);
      await bitmaps.acquire(['a']);
      expect(await codeOf(bitmaps.commit([change]))).toEqual('BITMAP_BUSY');
      expect((await statesIn(bitmaps))['a']).toEqual('in-use');
      const next = await disk.crash(bitmaps);
      expect(await codeOf(next.commit([change]))).toEqual('BITMAP_INCONSISTENT');
      expect((await statesIn(next))['a']).toEqual('inconsistent');
      expect(await load(next, 'end')).toEqual(pictureOf(makeBitmap(END)));
    });
  }

  it('refuses to merge what is not there or of another disk, and changes nothing', async (disk) => {
    const bitmaps = await opened(disk);
    const sources = ['end', makeBitmap({ diskSize: DISK_SIZE - 512 })];
    const other = bitmaps.commit([{ op: 'merge', name: 'a', sources }]);
    expect(await codeOf(other)).toEqual('BITMAP_INVALID');
    expect(await codeOf(bitmaps.commit([merge('a', 'end', 'none')]))).toEqual('BITMAP_NOT_FOUND');
    expect(await codeOf(bitmaps.commit([merge('none', 'a')]))).toEqual('BITMAP_NOT_FOUND');
    expect(await load(await disk.reopen(bitmaps), 'a')).toEqual(pictureOf(makeBitmap(SOME)));
  });
}
