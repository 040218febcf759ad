import { MemoryDevice } from '@tidemark/block';
import { FaultDevice } from '@tidemark/block/testing';
import { DirtyBitmap } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { TrackedDevice, WriteRecorder } from '../src/index.ts';
import { dirtyOf } from './support/faulty-disk.ts';
import { GatedDevice, settle } from './support/gated-device.ts';

const SIZE = 65_536;

function track(device: GatedDevice | FaultDevice): { top: TrackedDevice; bitmap: DirtyBitmap } {
  const recorder = new WriteRecorder();
  const bitmap = new DirtyBitmap(SIZE, 4096);
  recorder.attach(bitmap);
  return { top: new TrackedDevice(device, { recorder }), bitmap };
}

function openGates(): GatedDevice {
  const device = new GatedDevice(SIZE);
  device.isOpen = true;
  return device;
}

describe('TrackedDevice', () => {
  it('marks a change before the device is asked for it', async () => {
    const device = new GatedDevice(SIZE);
    const { top, bitmap } = track(device);
    const changes = [top.write(new Uint8Array(1), 0), top.writeZeroes(4096, 1)];
    changes.push(top.discard(8192, 1));
    expect(device.waiting).toBe(3);
    expect(dirtyOf(bitmap)).toEqual([0, 4096, 8192]);
    while (device.waiting > 0) await device.pass();
    await Promise.all(changes);
  });

  it('marks a write in the tick of the call before the device is asked', () => {
    const inner = new MemoryDevice({ size: SIZE });
    const recorder = new WriteRecorder();
    const bitmap = new DirtyBitmap(SIZE, 4096);
    recorder.attach(bitmap);
    const seen: unknown[] = [];
    const device = Object.assign(inner, {
      writeNow: () => {
        seen.push(dirtyOf(bitmap));
        return false;
      },
    });
    const top = new TrackedDevice(device, { recorder });
    expect(top.writeNow(new Uint8Array(1), 4096)).toBe(false);
    // What was not done may be done in part.
    expect(seen).toEqual([[4096]]);
    expect(dirtyOf(bitmap)).toEqual([4096]);
  });

  it('writes in the tick of the call what durable marks cover, and nothing else', async () => {
    const covered = new Set<number>();
    let underWay = 0;
    const marks = {
      covers: ({ offset }: { offset: number }) => covered.has(offset),
      cover: async ({ offset }: { offset: number }) => covered.add(offset),
      begin: () => void (underWay += 1),
      end: () => void (underWay -= 1),
    };
    const top = new TrackedDevice(new MemoryDevice({ size: SIZE }), { marks });
    expect(top.writeNow(new Uint8Array([1]), 0)).toBe(false);
    await top.write(new Uint8Array([1]), 0);
    expect(top.writeNow(new Uint8Array([2]), 0)).toBe(true);
    expect(top.writeNow(new Uint8Array([2]), 4096)).toBe(false);
    expect(underWay).toBe(0);
    const found = new Uint8Array(4097);
    expect(top.readNow(found, 0)).toBe(true);
    expect([found[0], found[4096]]).toEqual([2, 0]);
    await top.drain();
    expect(top.writeNow(new Uint8Array([3]), 0)).toBe(false);
  });

  it.each(['write', 'writeZeroes', 'discard'] as const)(
    'keeps the mark of a failed %s',
    async (on) => {
      const inner = new MemoryDevice({ size: SIZE });
      const { top, bitmap } = track(new FaultDevice(inner, [{ kind: 'fail', on }]));
      const change = on === 'write' ? top.write(new Uint8Array(1), 4096) : top[on](4096, 1);
      await expect(change).rejects.toMatchObject({ code: 'IO_FAILED' });
      expect(dirtyOf(bitmap)).toEqual([4096]);
    },
  );

  it('marks every granule that a change touches', async () => {
    const { top, bitmap } = track(openGates());
    await top.write(new Uint8Array(4098), 4095);
    expect(dirtyOf(bitmap)).toEqual([0, 4096, 8192]);
  });

  it('does not mark reads, flushes and changes of no bytes', async () => {
    const { top, bitmap } = track(openGates());
    await top.read(new Uint8Array(4096), 0);
    await top.write(new Uint8Array(0), 0);
    await top.writeZeroes(4096, 0);
    await top.discard(SIZE, 0);
    await top.flush();
    expect(bitmap.count).toBe(0);
  });

  it('does not mark a discard that the device ignores', async () => {
    const device = openGates();
    device.canDiscard = false;
    const { top, bitmap } = track(device);
    await top.discard(0, SIZE);
    expect(bitmap.count).toBe(0);
  });

  it('does not mark what leaves the device, nor asks the device for it', async () => {
    const { top, bitmap } = track(new GatedDevice(SIZE));
    const outside = { code: 'OUT_OF_RANGE' };
    await expect(top.write(new Uint8Array(2), SIZE - 1)).rejects.toMatchObject(outside);
    await expect(top.writeZeroes(-1, 1)).rejects.toMatchObject(outside);
    await expect(top.discard(Number.NaN, 1)).rejects.toMatchObject(outside);
    expect(bitmap.count).toBe(0);
  });

  it('does not write what it cannot mark', async () => {
    const device = openGates();
    const { top, bitmap } = track(device);
    bitmap.resize(4096, { grown: 'clean' });
    await expect(top.write(new Uint8Array([1]), 4096)).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
    });
    const found = new Uint8Array(1);
    await device.read(found, 4096);
    expect(found).toEqual(new Uint8Array([0]));
  });

  it('refuses changes when it is for reading only, whatever the device would take', async () => {
    const top = new TrackedDevice(openGates(), { writable: false });
    const refused = { code: 'DEVICE_READ_ONLY' };
    await expect(top.write(new Uint8Array(1), 0)).rejects.toMatchObject(refused);
    await expect(top.writeZeroes(0, 1)).rejects.toMatchObject(refused);
    await expect(top.discard(0, 1)).rejects.toMatchObject(refused);
    await expect(top.resize(0)).rejects.toMatchObject(refused);
  });

  it('closes once the writes under way are through, and takes no new ones', async () => {
    const device = new GatedDevice(SIZE);
    const { top } = track(device);
    const write = top.write(new Uint8Array([7]), 0);
    let closed = false;
    const closing = top.close().then(() => (closed = true));
    await expect(top.write(new Uint8Array(1), 0)).rejects.toMatchObject({ code: 'DEVICE_CLOSED' });
    await settle();
    expect(closed).toBe(false);
    await device.pass();
    await write;
    await closing;
  });
});

describe('WriteRecorder', () => {
  it('marks writes under way in a bitmap that begins to record, and not those that are over', () => {
    const recorder = new WriteRecorder();
    const over = recorder.begin(0, 1);
    recorder.begin(4096, 1);
    recorder.end(over);
    const bitmap = new DirtyBitmap(SIZE, 4096);
    recorder.attach(bitmap);
    recorder.begin(8192, 1);
    recorder.detach(bitmap);
    recorder.begin(12_288, 1);
    expect(dirtyOf(bitmap)).toEqual([4096, 8192]);
  });
});
