import type { BlockDevice, BlockExtent } from '@tidemark/block';
import { afterEach, expect, it } from 'vitest';
import { expectSame, extentsOf, pattern, readBytes } from './bytes.ts';

export interface DeviceContractOptions {
  /** Bytes of the devices that are made: more than 300,000. */
  readonly size: number;
  /** A new, writable device of zeros. The contract closes it. */
  readonly create: () => Promise<BlockDevice>;
  /** One of zeros that cannot be written. */
  readonly createReadOnly: () => Promise<BlockDevice>;
}

/** The cases that every `BlockDevice` has to pass, whatever it is made of. */
export function deviceContract({ size: SIZE, ...make }: DeviceContractOptions): void {
  const devices: BlockDevice[] = [];
  afterEach(async () => {
    for (const device of devices.splice(0)) await device.close();
  });

  async function create(): Promise<BlockDevice> {
    const device = await make.create();
    devices.push(device);
    return device;
  }

  async function filled(): Promise<BlockDevice> {
    const device = await create();
    await device.write(pattern(SIZE), 0);
    return device;
  }

  it('is zeros at first, of the size that was asked for', async () => {
    const device = await create();
    expect(device.size).toBe(SIZE);
    expect(device.writable).toBe(true);
    expectSame(await readBytes(device), new Uint8Array(SIZE));
  });

  it.each([
    [0, 1],
    [1, 4095],
    [4095, 2],
    [123, 70_001],
    [SIZE - 1, 1],
    [0, SIZE],
  ])('reads back what was written at %i, %i bytes, and nothing beside it', async (at, length) => {
    const device = await filled();
    const bytes = pattern(length, 5);
    await device.write(bytes, at);
    const expected = pattern(SIZE);
    expected.set(bytes, at);
    expectSame(await readBytes(device), expected);
    expectSame(await readBytes(device, at, length), bytes);
  });

  it('moves nothing for a length of 0, at the end too', async () => {
    const device = await filled();
    for (const at of [0, 5, SIZE]) {
      await device.read(new Uint8Array(0), at);
      await device.write(new Uint8Array(0), at);
      await device.writeZeroes(at, 0);
      await device.discard(at, 0);
      expect(await extentsOf(device, at, 0)).toEqual([]);
    }
    expectSame(await readBytes(device), pattern(SIZE));
  });

  it('reads and writes in the tick of the call, or says that it did not', async () => {
    const device = await filled();
    const bytes = pattern(5000, 9);
    const read = new Uint8Array(5000);
    // What was not done, or in part, is done the other way.
    if (!(device.writeNow?.(bytes, 4000) ?? false)) await device.write(bytes, 4000);
    if (!(device.readNow?.(read, 4000) ?? false)) await device.read(read, 4000);
    expectSame(read, bytes);
    const expected = pattern(SIZE);
    expected.set(bytes, 4000);
    expectSame(await readBytes(device), expected);
  });

  it('does nothing in the tick of the call that it would refuse', async () => {
    const device = await filled();
    for (const at of [SIZE, SIZE - 1, -1, 0.5, Number.NaN]) {
      expect(device.readNow?.(new Uint8Array(2), at) ?? false).toBe(false);
      expect(device.writeNow?.(new Uint8Array(2), at) ?? false).toBe(false);
    }
    const readOnly = await make.createReadOnly();
    devices.push(readOnly);
    expect(readOnly.writeNow?.(new Uint8Array(2), 0) ?? false).toBe(false);
    expectSame(await readBytes(device), pattern(SIZE));
    await device.close();
    expect(device.readNow?.(new Uint8Array(2), 0) ?? false).toBe(false);
    expect(device.writeNow?.(new Uint8Array(2), 0) ?? false).toBe(false);
  });

  it('refuses a range that leaves it, and changes nothing', async () => {
    const device = await filled();
    const refused = { code: 'OUT_OF_RANGE' };
    for (const [at, length] of [
      [SIZE, 1],
      [SIZE - 1, 2],
      [0, SIZE + 1],
      [-1, 1],
      [SIZE + 1, 0],
      [0.5, 1],
      [Number.NaN, 1],
      [Number.MAX_SAFE_INTEGER, 10],
      [2 ** 64, 1],
    ] as const) {
      await expect(device.read(new Uint8Array(length), at)).rejects.toMatchObject(refused);
      await expect(device.write(new Uint8Array(length), at)).rejects.toMatchObject(refused);
      await expect(device.writeZeroes(at, length)).rejects.toMatchObject(refused);
      await expect(device.discard(at, length)).rejects.toMatchObject(refused);
      await expect(extentsOf(device, at, length)).rejects.toMatchObject(refused);
    }
    expectSame(await readBytes(device), pattern(SIZE));
  });

  it('refuses a length that is none', async () => {
    const device = await filled();
    const refused = { code: 'OUT_OF_RANGE' };
    for (const length of [-1, 0.5, 2 ** 53, Number.NaN]) {
      await expect(device.writeZeroes(0, length)).rejects.toMatchObject(refused);
      await expect(device.discard(0, length)).rejects.toMatchObject(refused);
      await expect(extentsOf(device, 0, length)).rejects.toMatchObject(refused);
      await expect(device.resize(length)).rejects.toBeInstanceOf(RangeError);
    }
    expectSame(await readBytes(device), pattern(SIZE));
  });

  it.each([
    [10, 20, true],
    [4096, 8192, true],
    [1, 200_000, true],
    [1, 200_000, false],
    [65_536, 131_072, false],
    [0, SIZE, true],
    [0, SIZE, false],
    [200_000, SIZE - 200_000, true],
  ])('makes zeros of %i and %i bytes exactly, unmap %s', async (offset, length, unmap) => {
    const device = await filled();
    await device.writeZeroes(offset, length, { unmap });
    expectSame(await readBytes(device), pattern(SIZE).fill(0, offset, offset + length));
  });

  it.each([
    [1, 200_000],
    [0, SIZE],
    [100, 50],
  ])('discards %i and %i bytes: old bytes or zeros, none beside it', async (offset, length) => {
    const device = await filled();
    await device.discard(offset, length);
    const before = pattern(SIZE);
    const after = await readBytes(device);
    const isSound = after.every(
      (byte, at) =>
        byte === before[at] ||
        (byte === 0 && device.canDiscard && at >= offset && at < offset + length),
    );
    expect(isSound).toBe(true);
  });

  it('tells extents that cover the range in order and never call data zero', async () => {
    const device = await create();
    await device.write(pattern(5000), 70_000);
    await device.write(pattern(1), 200_001);
    await device.writeZeroes(71_000, 500);
    for (const [offset, length] of [
      [0, SIZE],
      [70_001, 150_000],
      [1, 3],
      [SIZE - 1, 1],
    ] as const) {
      const extents = await extentsOf(device, offset, length);
      expectCovered(extents, offset, length);
      const bytes = await readBytes(device, offset, length);
      for (const extent of extents.filter(({ zero }) => zero)) {
        const start = extent.offset - offset;
        expectSame(bytes.subarray(start, start + extent.length), new Uint8Array(extent.length));
      }
    }
  });

  it('serves many calls at a time', async () => {
    const device = await create();
    const pieces = Array.from({ length: 50 }, (_, index) => index * 6000);
    await Promise.all(pieces.map((at, index) => device.write(pattern(6000, index), at)));
    await Promise.all([
      device.flush(),
      device.writeZeroes(0, 70_000),
      device.discard(80_000, 70_000),
      ...pieces.slice(30).map(async (at, index) => {
        expectSame(await readBytes(device, at, 6000), pattern(6000, index + 30));
      }),
      extentsOf(device),
      device.flush(),
    ]);
    expectSame(await readBytes(device, 0, 70_000), new Uint8Array(70_000));
  });

  it('ends with one of two writes to one place', async () => {
    const device = await create();
    const [a, b] = [pattern(512, 1), pattern(512, 2)];
    await Promise.all([device.write(a, 1000), device.write(b, 1000)]);
    const found = await readBytes(device, 1000, 512);
    expect([a, b].some((bytes) => Buffer.compare(bytes, found) === 0)).toBe(true);
  });

  it('refuses changes when it is open for reading only, and still flushes', async () => {
    const device = await make.createReadOnly();
    devices.push(device);
    expect(device.writable).toBe(false);
    const refused = { code: 'DEVICE_READ_ONLY' };
    await expect(device.write(pattern(5), 0)).rejects.toMatchObject(refused);
    await expect(device.writeZeroes(0, 5)).rejects.toMatchObject(refused);
    await expect(device.discard(0, 5)).rejects.toMatchObject(refused);
    await expect(device.resize(5)).rejects.toMatchObject(refused);
    await device.flush();
    expectSame(await readBytes(device), new Uint8Array(SIZE));
  });

  it('finishes what is under way when it is closed', async () => {
    const device = await create();
    const targets = [new Uint8Array(SIZE).fill(1), new Uint8Array(SIZE).fill(1)];
    const calls = targets.map((target) => device.read(target, 0));
    await device.close();
    await Promise.all(calls);
    for (const target of targets) expectSame(target, new Uint8Array(SIZE));
  });

  it('refuses every call once it is closed, and may be closed again', async () => {
    const device = await filled();
    await device.close();
    await device.close();
    const refused = { code: 'DEVICE_CLOSED' };
    await expect(device.read(new Uint8Array(1), 0)).rejects.toMatchObject(refused);
    await expect(device.write(new Uint8Array(1), 0)).rejects.toMatchObject(refused);
    await expect(device.writeZeroes(0, 1)).rejects.toMatchObject(refused);
    await expect(device.discard(0, 1)).rejects.toMatchObject(refused);
    await expect(device.flush()).rejects.toMatchObject(refused);
    await expect(device.resize(1)).rejects.toMatchObject(refused);
    await expect(extentsOf(device, 0, 1)).rejects.toMatchObject(refused);
  });

  it('is closed at the end of an `await using`', async () => {
    const outer = await create();
    {
      await using device = outer;
      await device.flush();
    }
    await expect(outer.flush()).rejects.toMatchObject({ code: 'DEVICE_CLOSED' });
  });
}

function expectCovered(extents: readonly BlockExtent[], offset: number, length: number): void {
  let at = offset;
  for (const extent of extents) {
    expect(extent.offset).toBe(at);
    expect(extent.length).toBeGreaterThan(0);
    at += extent.length;
  }
  expect(at).toBe(offset + length);
}
