import { MemoryDevice } from '@tidemark/block';
import { MemoryDisk, openMemoryStore } from '@tidemark/store-memory';
import { describe, expect, it } from 'vitest';
import {
  forgetParked,
  openTrackedDrive,
  parkBitmaps,
  type TrackedDrive,
  unparkBitmaps,
} from '../src/index.ts';

const SIZE = 2 ** 20;
const GRANULARITY = 4096;

/** A drive that processes open one after the other; what is not persistent ends with each. */
class World {
  readonly stored = new MemoryDisk(SIZE);

  async open(transient = new MemoryDisk(SIZE)): Promise<TrackedDrive> {
    return openTrackedDrive({
      device: new MemoryDevice({ size: SIZE }),
      label: 'vm',
      stores: [await openMemoryStore(this.stored)],
      transient: await openMemoryStore(transient),
      writable: true,
    });
  }
}

async function write(drive: TrackedDrive, granule: number): Promise<void> {
  await drive.device.write(new Uint8Array(GRANULARITY).fill(7), granule * GRANULARITY);
}

async function dirty(drive: TrackedDrive, name: string): Promise<readonly number[]> {
  const bits = await drive.load(name);
  return Array.from({ length: SIZE / GRANULARITY }, (_, i) => i).filter((i) =>
    bits.isDirty(i * GRANULARITY),
  );
}

const bitmap = (name: string, persistent: boolean, disabled = false) =>
  ({ op: 'add', name, persistent, disabled, granularity: GRANULARITY }) as const;

const names = async (drive: TrackedDrive) =>
  (await drive.list()).map(({ name }) => name).toSorted();

async function withBitmaps(world: World, memory?: MemoryDisk): Promise<TrackedDrive> {
  const drive = await world.open(memory);
  await drive.transaction([bitmap('kept', true), bitmap('memory', false)]);
  await drive.transaction([bitmap('off', false, true)]);
  await write(drive, 3);
  await drive.transaction([{ op: 'merge', target: 'off', sources: ['kept'] }]);
  return drive;
}

describe('parked bitmaps', () => {
  it('let another process go on with what was in memory only', async () => {
    const world = new World();
    const source = await withBitmaps(world);
    const parked = await parkBitmaps(source, 'a');
    await source.close();
    const target = await world.open();
    const report = await unparkBitmaps(target, parked, { mayBeTaken: false });
    expect(report).toEqual({ lostBitmaps: [], lostFreezes: [] });
    await write(target, 5);
    expect(await names(target)).toEqual(['kept', 'memory', 'off']);
    expect(await dirty(target, 'memory')).toEqual([3, 5]);
    expect(await dirty(target, 'off')).toEqual([3]);
    const infos = Object.fromEntries((await target.list()).map((info) => [info.name, info]));
    expect(infos['memory']).toMatchObject({ persistent: false, recording: true });
    expect(infos['off']).toMatchObject({ persistent: false, recording: false });
    await target.close();
  });

  it('record what anybody writes meanwhile, and who let go of them believes that only', async () => {
    const world = new World();
    const memory = new MemoryDisk(SIZE);
    const source = await withBitmaps(world, memory);
    const parked = await parkBitmaps(source, 'a');
    await source.close();
    const stranger = await world.open();
    await write(stranger, 9);
    await stranger.close();
    const again = await world.open(memory);
    const report = await unparkBitmaps(again, parked, { mayBeTaken: true });
    expect(report.lostBitmaps).toEqual([]);
    expect(await dirty(again, 'memory')).toEqual([3, 9]);
    expect(await names(again)).toEqual(['kept', 'memory', 'off']);
    await again.close();
  });

  it('are refused to who comes after somebody else has gone on', async () => {
    const world = new World();
    const memory = new MemoryDisk(SIZE);
    const source = await withBitmaps(world, memory);
    const parked = await parkBitmaps(source, 'a');
    await source.close();
    const first = await world.open(memory);
    await unparkBitmaps(first, parked, { mayBeTaken: true });
    await write(first, 11);
    await first.close();
    const late = await world.open();
    await expect(unparkBitmaps(late, parked, { mayBeTaken: false })).rejects.toMatchObject({
      code: 'BITMAP_NOT_FOUND',
    });
    expect(await names(late)).toEqual(['kept']);
    expect(await dirty(late, 'kept')).toEqual([3, 11]);
    await late.close();
  });

  it('are lost rather than believed from memory where the store has them no more', async () => {
    const world = new World();
    const memory = new MemoryDisk(SIZE);
    const source = await withBitmaps(world, memory);
    const parked = await parkBitmaps(source, 'a');
    await source.close();
    const taker = await world.open();
    expect(await forgetParked(taker)).toBe(3);
    await write(taker, 13);
    await taker.close();
    const again = await world.open(memory);
    const report = await unparkBitmaps(again, parked, { mayBeTaken: true });
    expect(report.lostBitmaps).toEqual(['memory', 'off']);
    expect(await names(again)).toEqual(['kept']);
    await again.close();
  });

  it('carry a freeze, whose id is good for its release', async () => {
    const world = new World();
    const source = await withBitmaps(world);
    const id = await source.freeze('kept');
    await write(source, 4);
    const parked = await parkBitmaps(source, 'a');
    await source.close();
    const target = await world.open();
    await unparkBitmaps(target, parked, { mayBeTaken: false });
    await write(target, 6);
    expect(await dirty(target, 'kept')).toEqual([3]);
    await expect(target.hold('kept')).rejects.toMatchObject({ code: 'BITMAP_BUSY' });
    await target.release({ name: 'kept', id, clear: true });
    expect(await dirty(target, 'kept')).toEqual([4, 6]);
    expect(await names(target)).toEqual(['kept', 'memory', 'off']);
    await target.close();
  });

  it('change nothing where there is no store', async () => {
    const device = new MemoryDevice({ size: SIZE });
    const transient = await openMemoryStore(new MemoryDisk(SIZE));
    await using drive = await openTrackedDrive({ device, label: 'vm', transient, writable: true });
    await drive.transaction([bitmap('memory', false)]);
    await expect(parkBitmaps(drive, 'a')).rejects.toMatchObject({ code: 'BITMAP_UNSUPPORTED' });
    expect(await names(drive)).toEqual(['memory']);
  });
});
