import { MemoryDevice } from '@tidemark/block';
import { describe, expect, it } from 'vitest';
import {
  type BitmapSelection,
  openTrackedDrive,
  prepareTrackedDrive,
  type TrackedDriveOptions,
} from '../src/index.ts';
import { diskWith, openDrive, SIZE, touch } from './support/drives.ts';
import { FaultyDisk } from './support/faulty-disk.ts';

function options(over: Partial<TrackedDriveOptions>): TrackedDriveOptions {
  return { device: new MemoryDevice({ size: SIZE }), label: 'd0', writable: true, ...over };
}

describe('prepareTrackedDrive', () => {
  it('changes nothing, and begin takes in use what records', async () => {
    const disk = await diskWith({ on: {}, off: { enabled: false } });
    const select = [
      { name: 'new', create: true },
      { name: 'rests', create: true, enabled: false },
    ];
    const prepared = await prepareTrackedDrive(options({ stores: [await disk.open()], select }));
    expect(await disk.found()).toEqual({ on: 'stored', off: 'stored' });
    await prepared.begin();
    expect(await disk.found()).toEqual({
      on: 'inconsistent',
      off: 'stored',
      new: 'inconsistent',
      rests: 'stored',
    });
  });

  it('begins once, however often it is asked to', async () => {
    const stores = [await (await diskWith({ a: {} })).open()];
    const prepared = await prepareTrackedDrive(options({ stores }));
    const [first, second] = await Promise.all([prepared.begin(), prepared.begin()]);
    expect(first).toBe(second);
  });

  it('may be asked for several drives before the first of them begins', async () => {
    const disks = [await diskWith({ a: {} }), await diskWith({ a: {} })];
    const prepared = await Promise.all(
      disks.map(async (disk) => prepareTrackedDrive(options({ stores: [await disk.open()] }))),
    );
    const drives = await Promise.all(prepared.toReversed().map((one) => one.begin()));
    await touch(drives[0]!, 4096);
    for (const drive of drives) await drive.close();
    expect(await disks[0]!.dirty('a')).toEqual([]);
    expect(await disks[1]!.dirty('a')).toEqual([4096]);
  });

  it('makes a new bitmap in the first store, or in the one that is named', async () => {
    const [first, second, memory] = [await diskWith(), await diskWith(), await diskWith()];
    const stores = [await first.open(), await second.open()];
    const select = [
      { name: 'a', create: true },
      { name: 'b', create: true, store: stores[1]! },
      { name: 'c', create: true, persistent: false },
    ];
    await openTrackedDrive(options({ stores, transient: await memory.open(), select }));
    expect(Object.keys(await first.found())).toEqual(['a']);
    expect(Object.keys(await second.found())).toEqual(['b']);
    expect(Object.keys(await memory.found())).toEqual(['c']);
  });

  it('makes a new bitmap in memory where the drive has no other place', async () => {
    const transient = await diskWith();
    await openDrive({ transient, select: [{ name: 'a', create: true }] });
    expect(Object.keys(await transient.found())).toEqual(['a']);
  });

  it('finds a bitmap in whichever store it is, and not where it is not', async () => {
    const stores = [await (await diskWith()).open(), await (await diskWith({ b: {} })).open()];
    await prepareTrackedDrive(options({ stores, select: [{ name: 'b' }] }));
    const wrong: BitmapSelection[] = [
      { name: 'b', store: stores[0]! },
      { name: 'b', persistent: false },
    ];
    for (const selection of wrong) {
      const prepared = prepareTrackedDrive(options({ stores, select: [selection] }));
      await expect(prepared).rejects.toMatchObject({ code: 'BITMAP_NOT_FOUND' });
    }
  });

  it('switches recording where that is selected, and stores it so', async () => {
    const disk = await diskWith({ on: {}, off: { enabled: false } });
    const select = [
      { name: 'on', enabled: false },
      { name: 'off', enabled: true },
    ];
    const drive = await openDrive({ disks: [disk], select });
    await touch(drive, 0);
    await drive.close();
    const store = await disk.open({ writable: false });
    expect(await store.list()).toMatchObject([
      { name: 'on', enabled: false },
      { name: 'off', enabled: true },
    ]);
    expect([await disk.dirty('on'), await disk.dirty('off')]).toEqual([[], [0]]);
  });

  it('warns of what records nothing, unless it is selected and refused', async () => {
    const disk = await diskWith({ on: {} });
    disk.plant({ name: 'left', inUse: true });
    disk.plant({ name: 'odd', enabled: false, unsupported: 'is odd' });
    const warnings: string[] = [];
    const onWarning = (message: string) => void warnings.push(message);
    await prepareTrackedDrive(options({ stores: [await disk.open()], onWarning }));
    expect(warnings).toEqual([
      expect.stringContaining("'left' of 'd0' was left in use by a crash"),
      expect.stringContaining("'odd' of 'd0' is of a kind not supported"),
    ]);
  });

  const refused: Record<string, readonly [string, readonly BitmapSelection[]]> = {
    'a bitmap selected twice': ['USAGE', [{ name: 'on' }, { name: 'on' }]],
    'a new bitmap whose name is taken': ['BITMAP_EXISTS', [{ name: 'on', create: true }]],
    'a new name that another store has': ['BITMAP_EXISTS', [{ name: 'other', create: true }]],
    'a bitmap that is not there': ['BITMAP_NOT_FOUND', [{ name: 'none' }]],
    'another granularity': ['BITMAP_INVALID', [{ name: 'on', granularity: 512 }]],
    'no granularity at all': ['BITMAP_INVALID', [{ name: 'x', create: true, granularity: 3000 }]],
    'a bitmap that is inconsistent': ['BITMAP_INCONSISTENT', [{ name: 'left' }]],
    'a bitmap that is unsupported': ['BITMAP_UNSUPPORTED', [{ name: 'odd' }]],
  };

  it.each(Object.entries(refused))('refuses %s, and changes nothing', async (_, [code, wrong]) => {
    const disk = await diskWith({ on: {} });
    disk.plant({ name: 'left', inUse: true });
    disk.plant({ name: 'odd', enabled: false, unsupported: 'is odd' });
    const before = await disk.found();
    const stores = [await disk.open(), await (await diskWith({ other: {} })).open()];
    const select = [{ name: 'new', create: true }, ...wrong];
    const prepared = prepareTrackedDrive(options({ stores, select }));
    await expect(prepared).rejects.toMatchObject({ code });
    expect(await disk.found()).toEqual(before);
  });

  it('refuses a name that two stores have', async () => {
    const stores = [
      await (await diskWith({ a: {} })).open(),
      await (await diskWith({ a: {} })).open(),
    ];
    await expect(prepareTrackedDrive(options({ stores }))).rejects.toMatchObject({
      code: 'BITMAP_EXISTS',
      message: expect.stringContaining('in two stores'),
    });
  });

  it('refuses to write past a bitmap that is to record and cannot', async () => {
    const readOnly = await (await diskWith({ a: {} })).open({ writable: false });
    await expect(prepareTrackedDrive(options({ stores: [readOnly] }))).rejects.toMatchObject({
      code: 'STORE_READ_ONLY',
    });
    const disk = await diskWith();
    disk.plant({ name: 'odd', unsupported: 'is odd' });
    const stores = [await disk.open()];
    await expect(prepareTrackedDrive(options({ stores }))).rejects.toMatchObject({
      code: 'BITMAP_UNSUPPORTED',
    });
    await prepareTrackedDrive(options({ stores, writable: false }));
  });

  it('refuses the store of a disk of another size, but for what formats round up', async () => {
    const open = async (storeSize: number, size: number) => {
      const stores = [await new FaultyDisk(storeSize).open()];
      const device = new MemoryDevice({ size });
      return openTrackedDrive(options({ stores, device })).then(
        () => 'opened',
        (error: { code: string }) => error.code,
      );
    };
    expect(await open(1024, 1000)).toBe('opened');
    expect(await open(1024, 512)).toBe('BITMAP_INVALID');
    expect(await open(512, 513)).toBe('BITMAP_INVALID');
  });
});

describe('a drive that does not begin', () => {
  const select = [
    { name: 'a', enabled: false },
    { name: 'new', create: true },
    { name: 'rests', create: true, enabled: false },
  ];

  it('puts back what it took and made when another store fails', async () => {
    const [first, second] = [await diskWith({ a: { dirty: [0] } }), await diskWith({ b: {} })];
    const transient = await diskWith();
    transient.outcomes.push('before');
    const memory = { name: 't', create: true, persistent: false };
    const opening = openDrive({ disks: [first, second], transient, select: [...select, memory] });
    await expect(opening).rejects.toMatchObject({ code: 'IO_FAILED' });
    const store = await first.open({ writable: false });
    expect(await store.list()).toMatchObject([{ name: 'a', enabled: true, state: 'stored' }]);
    expect(await first.dirty('a')).toEqual([0]);
    expect(await second.found()).toEqual({ b: 'stored' });
  });

  it('makes nothing when bits cannot be read', async () => {
    const disk = await diskWith({ a: {} });
    disk.unreadable.add('a');
    await expect(openDrive({ disks: [disk], select })).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(await disk.found()).toEqual({ a: 'stored' });
  });

  it.each(['before', 'after'] as const)('leaves nothing that is stale (%s)', async (outcome) => {
    for (const planned of [[outcome], ['done', outcome]] as const) {
      const disk = await diskWith({ a: { dirty: [0] } });
      disk.outcomes.push(...planned);
      const opening = openDrive({ disks: [disk], select });
      await expect(opening).rejects.toMatchObject({ code: 'IO_FAILED' });
      const found = await disk.found();
      // Nothing was written, so as it was is as true as in use.
      expect(found['a']).toBe(planned[0] === 'before' ? 'stored' : 'inconsistent');
      expect(found['new'] ?? 'inconsistent').toBe('inconsistent');
    }
  });
});
