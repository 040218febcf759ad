import { type BlockDevice, type BlockExtent } from '@tidemark/block';
import { afterEach, describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { extentsOf, pattern, readBytes } from './support/bytes.ts';
import { deviceKinds } from './support/device-kinds.ts';

const SIZE = 300_000;

describe.each(deviceKinds(tempDir()))('a device of the kind $name', (kind) => {
  const opened: BlockDevice[] = [];
  afterEach(async () => {
    for (const device of opened.splice(0)) await device.close();
  });

  async function create(size = SIZE): Promise<BlockDevice> {
    const device = await kind.create({ size });
    opened.push(device);
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
    expect(await readBytes(device)).toEqual(new Uint8Array(SIZE));
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
    expect(await readBytes(device)).toEqual(expected);
    expect(await readBytes(device, at, length)).toEqual(bytes);
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
    expect(await readBytes(device)).toEqual(pattern(SIZE));
  });

  it.each([
    [SIZE, 1],
    [SIZE - 1, 2],
    [0, SIZE + 1],
    [-1, 1],
    [SIZE + 1, 0],
    [0.5, 1],
    [Number.NaN, 1],
    [Number.MAX_SAFE_INTEGER, 10],
    [2 ** 64, 1],
  ])('refuses a range that leaves it: %d and %d bytes, and changes nothing', async (at, length) => {
    const device = await filled();
    const refused = { code: 'OUT_OF_RANGE' };
    await expect(device.read(new Uint8Array(length), at)).rejects.toMatchObject(refused);
    await expect(device.write(new Uint8Array(length), at)).rejects.toMatchObject(refused);
    await expect(device.writeZeroes(at, length)).rejects.toMatchObject(refused);
    await expect(device.discard(at, length)).rejects.toMatchObject(refused);
    await expect(extentsOf(device, at, length)).rejects.toMatchObject(refused);
    expect(await readBytes(device)).toEqual(pattern(SIZE));
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN])('refuses a length of %d', async (length) => {
    const device = await filled();
    const refused = { code: 'OUT_OF_RANGE' };
    await expect(device.writeZeroes(0, length)).rejects.toMatchObject(refused);
    await expect(device.discard(0, length)).rejects.toMatchObject(refused);
    await expect(extentsOf(device, 0, length)).rejects.toMatchObject(refused);
    await expect(device.resize(length)).rejects.toBeInstanceOf(RangeError);
    expect(await readBytes(device)).toEqual(pattern(SIZE));
  });

  it.each([
    [10, 20, true],
    [4096, 8192, true],
    [1, 200_000, true],
    [1, 200_000, false],
    [65_536, 131_072, false],
    [0, SIZE, true],
    [0, SIZE, false],
    [200_000, 100_000, true],
  ])('makes zeros of %i and %i bytes exactly, unmap %s', async (offset, length, unmap) => {
    const device = await filled();
    await device.writeZeroes(offset, length, { unmap });
    const expected = pattern(SIZE).fill(0, offset, offset + length);
    expect(await readBytes(device)).toEqual(expected);
    expect(device.size).toBe(SIZE);
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
      [299_999, 1],
    ] as const) {
      const extents = await extentsOf(device, offset, length);
      expectCovered(extents, offset, length);
      const bytes = await readBytes(device, offset, length);
      for (const extent of extents.filter(({ zero }) => zero)) {
        const start = extent.offset - offset;
        expect(bytes.subarray(start, start + extent.length)).toEqual(new Uint8Array(extent.length));
      }
    }
  });

  it('grows by zeros, also over what was cut off before', async () => {
    const device = await filled();
    await device.resize(100_001);
    expect(device.size).toBe(100_001);
    await expect(device.read(new Uint8Array(1), 100_001)).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
    });
    await device.resize(SIZE + 9);
    const expected = new Uint8Array(SIZE + 9);
    expected.set(pattern(SIZE).subarray(0, 100_001));
    expect(await readBytes(device)).toEqual(expected);
  });

  it('shrinks to nothing and grows again', async () => {
    const device = await filled();
    await device.resize(0);
    expect(await extentsOf(device)).toEqual([]);
    await device.resize(10);
    expect(await readBytes(device)).toEqual(new Uint8Array(10));
  });

  it('leaves no old bytes behind a new end when writes are under way', async () => {
    const device = await filled();
    const writes = Array.from({ length: 20 }, (_, i) => device.write(pattern(9_000), i * 10_000));
    const resized = device.resize(50_000);
    await Promise.allSettled(writes);
    await resized;
    await device.resize(SIZE);
    expect(await readBytes(device, 50_000)).toEqual(new Uint8Array(SIZE - 50_000));
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
        expect(await readBytes(device, at, 6000)).toEqual(pattern(6000, index + 30));
      }),
      extentsOf(device),
      device.flush(),
    ]);
    expect(await readBytes(device, 0, 70_000)).toEqual(new Uint8Array(70_000));
  });

  it('ends with one of two writes to one place', async () => {
    const device = await create();
    const [a, b] = [pattern(512, 1), pattern(512, 2)];
    await Promise.all([device.write(a, 1000), device.write(b, 1000)]);
    expect([a, b]).toContainEqual(await readBytes(device, 1000, 512));
  });

  it('refuses changes when it is open for reading only, and still flushes', async () => {
    const device = await kind.createReadOnly({ size: SIZE });
    opened.push(device);
    expect(device.writable).toBe(false);
    const refused = { code: 'DEVICE_READ_ONLY' };
    await expect(device.write(pattern(5), 0)).rejects.toMatchObject(refused);
    await expect(device.writeZeroes(0, 5)).rejects.toMatchObject(refused);
    await expect(device.discard(0, 5)).rejects.toMatchObject(refused);
    await expect(device.resize(5)).rejects.toMatchObject(refused);
    await device.flush();
    expect(await readBytes(device)).toEqual(new Uint8Array(SIZE));
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
});

function expectCovered(extents: readonly BlockExtent[], offset: number, length: number): void {
  let at = offset;
  for (const extent of extents) {
    expect(extent.offset).toBe(at);
    expect(extent.length).toBeGreaterThan(0);
    at += extent.length;
  }
  expect(at).toBe(offset + length);
}
