import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import {
  copyToMemory,
  type DeviceOperation,
  type Fault,
  FaultDevice,
  powerCut,
  RecordingDevice,
  replay,
} from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import { pattern, readBytes } from '../../../tools/device/bytes.ts';

const SIZE = 8192;
const ones = (length: number) => new Uint8Array(length).fill(1);

function faulty(...faults: Fault[]) {
  const inner = new MemoryDevice({ size: SIZE });
  return { inner, device: new FaultDevice(inner, faults) };
}

describe('a fault device', () => {
  it('fails the call that is named, with the code, and does nothing', async () => {
    const { inner, device } = faulty({ kind: 'fail', on: 'write', nth: 1, code: 'NO_SPACE' });
    await device.write(ones(10), 0);
    await expect(device.write(ones(10), 100)).rejects.toMatchObject({ code: 'NO_SPACE' });
    await device.write(ones(10), 200);
    const expected = new Uint8Array(SIZE).fill(1, 0, 10).fill(1, 200, 210);
    expect(await readBytes(inner)).toEqual(expected);
  });

  it.each<[DeviceOperation, (device: BlockDevice) => Promise<void>]>([
    ['read', (device) => device.read(new Uint8Array(1), 0)],
    ['write', (device) => device.write(ones(1), 0)],
    ['writeZeroes', (device) => device.writeZeroes(0, 1)],
    ['discard', (device) => device.discard(0, 1)],
    ['flush', (device) => device.flush()],
    ['resize', (device) => device.resize(SIZE)],
  ])('fails a %s, and so often in a row', async (on, call) => {
    const { device } = faulty({ kind: 'fail', on, times: 2 });
    await expect(call(device)).rejects.toMatchObject({ code: 'IO_FAILED' });
    await expect(call(device)).rejects.toMatchObject({ code: 'IO_FAILED' });
    await expect(call(device)).resolves.toBeUndefined();
  });

  it('counts all changes as one kind where it is told to', async () => {
    const { device } = faulty({ kind: 'fail', on: 'change', nth: 2 });
    await device.write(ones(1), 0);
    await device.flush();
    await device.writeZeroes(0, 1);
    await expect(device.discard(0, 1)).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(device.operations).toBe(4);
  });

  it('writes the first bytes only', async () => {
    const { inner, device } = faulty({ kind: 'short', bytes: 700 });
    await expect(device.write(ones(2000), 100)).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(await readBytes(inner)).toEqual(new Uint8Array(SIZE).fill(1, 100, 800));
  });

  it('tears a write by sectors of the device', async () => {
    const { inner, device } = faulty({ kind: 'tear', keeps: (sector) => sector % 2 === 1 });
    await expect(device.write(ones(2000), 100)).rejects.toMatchObject({ code: 'IO_FAILED' });
    const expected = new Uint8Array(SIZE).fill(1, 512, 1024).fill(1, 1536, 2048);
    expect(await readBytes(inner)).toEqual(expected);
  });

  it.each(['silence', 'failure'] as const)('drops what comes after, with %s', async (how) => {
    const { inner, device } = faulty({ kind: 'drop', after: 2, how });
    await device.write(ones(1), 0);
    await device.flush();
    const after = await Promise.allSettled([
      device.write(ones(1), 1),
      device.writeZeroes(0, 1),
      device.discard(0, 1),
      device.resize(1),
      device.flush(),
    ]);
    const status = how === 'silence' ? 'fulfilled' : 'rejected';
    expect(after.map((result) => result.status)).toEqual(Array.from(after, () => status));
    expect(await readBytes(inner, 0, 2)).toEqual(Uint8Array.of(1, 0));
    expect(await readBytes(device, 0, 2)).toEqual(Uint8Array.of(1, 0));
  });
});

describe('a recording device', () => {
  it('replays every prefix of what was done', async () => {
    const inner = new MemoryDevice({ size: SIZE });
    await inner.write(pattern(SIZE), 0);
    const recorder = await RecordingDevice.startOn(inner);
    const states = [await readBytes(inner)];
    const steps = [
      () => recorder.write(ones(600), 300),
      () => recorder.flush(),
      () => recorder.writeZeroes(0, 400),
      () => recorder.resize(1000),
      () => recorder.resize(5000),
      () => recorder.discard(100, 4000),
      () => recorder.write(ones(2), 4998),
    ];
    for (const step of steps) {
      await step();
      states.push(await readBytes(inner));
    }
    for (const [count, state] of states.entries()) {
      const disk = await replay(recorder.base, recorder.events.slice(0, count));
      expect(await readBytes(disk)).toEqual(state);
    }
  });

  it.each([
    ['Uint8Array', ones(3)],
    ['Buffer', Buffer.from(ones(3))],
  ])('keeps what was written, whatever the %s holds later', async (_, buffer) => {
    const recorder = new RecordingDevice(new MemoryDevice({ size: SIZE }));
    await recorder.write(buffer, 0);
    buffer.fill(9);
    expect(await readBytes(await replay(recorder.base, recorder.events), 0, 3)).toEqual(ones(3));
  });

  it('loses in a power cut what no flush covers, and nothing else', async () => {
    const recorder = new RecordingDevice(new MemoryDevice({ size: SIZE }));
    await recorder.write(ones(1), 0);
    await recorder.flush();
    await recorder.write(ones(1), 1);
    await recorder.writeZeroes(0, 1);
    const { base, events } = recorder;
    const lost = await powerCut(base, events, () => false);
    expect(await readBytes(lost, 0, 2)).toEqual(Uint8Array.of(1, 0));
    const reordered = await powerCut(base, events, (_, event) => event.op === 'writeZeroes');
    expect(await readBytes(reordered, 0, 2)).toEqual(Uint8Array.of(0, 0));
    const beforeFlush = await powerCut(base, events.slice(0, 1), () => false);
    expect(await readBytes(beforeFlush, 0, 2)).toEqual(Uint8Array.of(0, 0));
  });

  it('tears in a power cut', async () => {
    const recorder = new RecordingDevice(new MemoryDevice({ size: SIZE }));
    await recorder.write(ones(1024), 256);
    const disk = await powerCut(recorder.base, recorder.events, () => (sector) => sector === 1);
    expect(await readBytes(disk)).toEqual(new Uint8Array(SIZE).fill(1, 512, 1024));
  });

  it('loses what was written behind the old end with a resize that is lost', async () => {
    const recorder = new RecordingDevice(new MemoryDevice({ size: SIZE }));
    await recorder.resize(3 * SIZE);
    await recorder.write(ones(SIZE), 2 * SIZE);
    const { base, events } = recorder;
    const disk = await powerCut(base, events, (_, event) => event.op === 'write');
    expect(await readBytes(disk)).toEqual(new Uint8Array(SIZE));
  });

  it('does not call durable what was under way when the flush began, or failed', async () => {
    const memory = new MemoryDevice({ size: SIZE });
    const recorder = new RecordingDevice(
      new FaultDevice(memory, [{ kind: 'fail', on: 'write', nth: 1 }]),
    );
    const underWay = recorder.write(ones(1), 0);
    const flushed = recorder.flush();
    await Promise.all([underWay, flushed]);
    await expect(recorder.write(ones(1), 1)).rejects.toMatchObject({ code: 'IO_FAILED' });
    await recorder.write(ones(1), 2);
    await recorder.flush();
    const { base, events } = recorder;
    const early = await powerCut(base, events.slice(0, 2), () => false);
    expect(await readBytes(early, 0, 3)).toEqual(Uint8Array.of(0, 0, 0));
    const late = await powerCut(base, events, () => false);
    expect(await readBytes(late, 0, 3)).toEqual(Uint8Array.of(1, 0, 1));
  });

  it('makes independent copies of a device', async () => {
    const inner = new MemoryDevice({ size: 3 * 1024 * 1024 + 5 });
    await inner.write(pattern(100), 2 * 1024 * 1024 - 50);
    const copy = await copyToMemory(inner);
    await inner.writeZeroes(0, inner.size);
    expect(await readBytes(copy, 2 * 1024 * 1024 - 50, 100)).toEqual(pattern(100));
    expect(copy.size).toBe(inner.size);
  });
});
