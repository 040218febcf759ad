import type { BlockDevice } from '@tidemark/block';
import { afterEach, describe, expect, it } from 'vitest';
import { extentsOf, pattern, readBytes } from '../../../tools/device/bytes.ts';
import { deviceContract } from '../../../tools/device/contract.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { deviceKinds } from './support/device-kinds.ts';

const SIZE = 300_001;

describe.each(deviceKinds(tempDir()))('a device of the kind $name', (kind) => {
  const opened: BlockDevice[] = [];
  afterEach(async () => {
    for (const device of opened.splice(0)) await device.close();
  });

  deviceContract({
    size: SIZE,
    create: () => kind.create({ size: SIZE }),
    createReadOnly: () => kind.createReadOnly({ size: SIZE }),
  });

  async function filled(): Promise<BlockDevice> {
    const device = await kind.create({ size: SIZE });
    opened.push(device);
    await device.write(pattern(SIZE), 0);
    return device;
  }

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
});
