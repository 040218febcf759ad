import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { type BlockDevice, MemoryDevice, openFileDevice } from '../src/index.ts';
import { memoryFileSystem } from './support/device-kinds.ts';

const MIB = 2 ** 20;
const fast = true;

const contentOf = async (device: BlockDevice) => {
  const bytes = new Uint8Array(device.size);
  await device.read(bytes, 0);
  return Buffer.from(bytes);
};

describe('zeros that are wanted only if they are fast', () => {
  const dir = tempDir();
  let count = 0;
  let device: BlockDevice;

  beforeEach(async () => {
    const path = join(dir, `file-${count++}`);
    device = await openFileDevice(path, { writable: true, create: 'exclusive' });
    await device.resize(MIB);
    await device.write(Buffer.alloc(MIB, 7), 0);
  });

  it.each([true, false])('are made of whole blocks (unmap: %s)', async (unmap) => {
    await device.writeZeroes(4096, 8192, { fast, unmap });
    const expected = Buffer.alloc(MIB, 7);
    expected.fill(0, 4096, 12_288);
    expect(Buffer.compare(await contentOf(device), expected)).toBe(0);
    await device.close();
  });

  it.each([
    [1, 4096],
    [4096, 5000],
    [0, 512],
  ])('are refused in parts of blocks, and nothing is changed (%d, %d)', async (offset, length) => {
    await expect(device.writeZeroes(offset, length, { fast })).rejects.toMatchObject({
      code: 'DEVICE_UNSUPPORTED',
    });
    expect(Buffer.compare(await contentOf(device), Buffer.alloc(MIB, 7))).toBe(0);
    await device.close();
  });

  it('are refused where the system has none, and nothing is changed', async () => {
    const fs = memoryFileSystem();
    const opened = await openFileDevice('/a', {
      writable: true,
      create: 'exclusive',
      fs,
      size: 8192,
    });
    await opened.write(Buffer.alloc(8192, 'x'), 0);
    await expect(opened.writeZeroes(0, 4096, { fast })).rejects.toMatchObject({
      code: 'DEVICE_UNSUPPORTED',
    });
    expect((await contentOf(opened)).toString()).toBe('x'.repeat(8192));
    await opened.close();
  });

  it('are always fast in memory', async () => {
    const memory: BlockDevice = new MemoryDevice({ size: MIB });
    await memory.write(Buffer.alloc(100, 1), 0);
    await memory.writeZeroes(3, 5, { fast });
    expect((await contentOf(memory)).subarray(0, 9)).toEqual(
      Buffer.from([1, 1, 1, 0, 0, 0, 0, 0, 1]),
    );
  });
});
