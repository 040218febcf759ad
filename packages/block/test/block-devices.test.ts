import { execFileSync } from 'node:child_process';
import { mkdir, open, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run, sh, tempDir } from '../../../tools/qemu.ts';
import { findTools } from '../src/helper/tools.ts';
import { FileHoles } from '../src/holes/file-holes.ts';
import { extentsOf, pattern, readBytes } from '../../../tools/device/bytes.ts';
import { lacksLoopDevices } from './support/gates.ts';

const MIB = 1024 * 1024;
const SIZE = 8 * MIB;

describe.skipIf(lacksLoopDevices('block devices'))('a block device', () => {
  const dir = tempDir();
  const attached: string[] = [];
  const backing = join(dir, 'backing.raw');
  let loop = '';

  beforeEach(async () => {
    await rm(backing, { force: true });
    await writeFile(backing, '');
    await truncate(backing, SIZE);
    loop = attach();
  });
  const detach = () => {
    for (const device of attached.splice(0)) execFileSync('losetup', ['--detach', device]);
  };
  afterEach(detach);
  afterAll(detach);

  function attach(...options: string[]): string {
    const device = execFileSync('losetup', ['--find', '--show', ...options, backing])
      .toString()
      .trim();
    attached.push(device);
    return device;
  }

  const allocated = async () => (await stat(backing)).blocks * 512;

  it('has the size that the kernel says, and keeps it', async () => {
    await using device = await openFileDevice(loop, { writable: true });
    expect(device.size).toBe(SIZE);
    expect(device.label).toBe(`block device '${loop}'`);
    await expect(device.resize(SIZE * 2)).rejects.toMatchObject({ code: 'DEVICE_UNSUPPORTED' });
    expect(device.size).toBe(SIZE);
  });

  it('counts what is written and discarded by anybody, and nothing else', async () => {
    await using device = await openFileDevice(loop, { writable: true, lock: false });
    const written = async () => {
      const facts = await device.facts({ durable: true });
      if (facts?.kind !== 'block device') throw new Error('these are no facts of a block device');
      return Number(facts.counters?.writtenSectors);
    };
    const before = await written();
    expect(await written()).toBe(before);
    await run('dd', `if=${loop}`, 'of=/dev/null', 'bs=64k', 'iflag=direct');
    expect(await written()).toBe(before);
    await device.write(pattern(4096), 8192);
    expect(await written()).toBe(before + 8);
    await run('dd', 'if=/dev/zero', `of=${loop}`, 'bs=4k', 'count=1', 'oflag=direct');
    expect(await written()).toBe(before + 16);
    await device.discard(65_536, 65_536);
    expect(await written()).toBe(before + 16 + 128);
  });

  it('is another one when something is attached under its name again', async () => {
    const factsOf = async () => {
      await using device = await openFileDevice(loop);
      return device.facts();
    };
    const before = await factsOf();
    expect(before).toMatchObject({
      kind: 'block device',
      size: SIZE,
      counters: { bootId: expect.stringMatching(/^[0-9a-f]{32}$/) },
    });
    expect(await factsOf()).toEqual(before);
    execFileSync('losetup', ['--detach', loop]);
    execFileSync('losetup', [loop, backing]);
    const after = await factsOf();
    expect(Object(after).device).toEqual(Object(before).device);
    expect(Object(after).counters.diskSequence).not.toEqual(Object(before).counters.diskSequence);
  });

  it('reads back what was written at any place, to its last byte', async () => {
    await using device = await openFileDevice(loop, { writable: true });
    await device.write(pattern(10_000), SIZE - 10_000);
    await device.write(pattern(1), 511);
    await device.flush();
    expect(await readBytes(device, SIZE - 10_001)).toEqual(
      Uint8Array.from([0, ...pattern(10_000)]),
    );
    expect(await readBytes(device, 510, 3)).toEqual(Uint8Array.from([0, ...pattern(1), 0]));
    await expect(device.read(new Uint8Array(2), SIZE - 1)).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
    });
  });

  it('counts as data all over, with nothing to tell about it', async () => {
    const notices: string[] = [];
    await using device = await openFileDevice(loop, { onNotice: (text) => notices.push(text) });
    expect(await extentsOf(device)).toEqual([
      { offset: 0, length: SIZE, zero: false, allocated: true },
    ]);
    expect(notices).toEqual([]);
  });

  it.each([true, false])('makes zeros to the byte, unmap %s', async (unmap) => {
    await using device = await openFileDevice(loop, { writable: true });
    await device.write(pattern(MIB), 0);
    await device.flush();
    await device.writeZeroes(5, 900_000, { unmap });
    const expected = pattern(MIB).fill(0, 5, 900_005);
    expect(await readBytes(device, 0, MIB)).toEqual(expected);
    await device.flush();
    expect((await allocated()) < 200_000).toBe(unmap);
  });

  it('gives space back that is discarded, whole blocks only', async () => {
    await using device = await openFileDevice(loop, { writable: true });
    await device.write(pattern(MIB), 0);
    await device.flush();
    expect(device.canDiscard).toBe(true);
    await device.discard(5, MIB - 10);
    expect(await allocated()).toBe(8192);
    expect(await readBytes(device, 0, 5)).toEqual(pattern(5));
    expect(await readBytes(device, MIB - 5, 5)).toEqual(pattern(MIB).slice(-5));
  });

  it('gives space back through util-linux too, while it is held exclusively', async () => {
    await using device = await openFileDevice(loop, { writable: true });
    await device.write(pattern(MIB), 0);
    await device.flush();
    const file = await open(loop, 'r+');
    const { perl: _, ...tools } = findTools();
    const notices: string[] = [];
    const onNotice = (message: string) => notices.push(message);
    const holes = new FileHoles({
      fd: file.fd,
      where: loop,
      kind: 'block device',
      tools,
      onNotice,
    });
    await holes.discard({ offset: 0, length: MIB / 2 });
    expect(await allocated()).toBe(MIB / 2);
    const half = { offset: MIB / 2, length: MIB / 2 };
    expect(await holes.zero(half, { unmap: true })).toEqual(half);
    expect(await allocated()).toBe(0);
    expect(notices).toEqual([]);
    await file.close();
  });

  it('is refused for writing when another has it, and for reading too', async () => {
    await using device = await openFileDevice(loop, { writable: true });
    await expect(openFileDevice(loop, { writable: true })).rejects.toMatchObject({
      code: 'LOCKED',
    });
    await expect(openFileDevice(loop)).rejects.toMatchObject({ code: 'LOCKED' });
    expect(device.size).toBe(SIZE);
  });

  it('is refused for writing while it is mounted', async () => {
    await run('mkfs.ext4', '-q', loop);
    const mountPoint = join(dir, 'mount');
    await mkdir(mountPoint, { recursive: true });
    const { code } = await sh('mount', loop, mountPoint);
    expect(code).toBe(0);
    try {
      await expect(openFileDevice(loop, { writable: true })).rejects.toMatchObject({
        code: 'LOCKED',
        cause: { code: 'EBUSY' },
      });
      await using reader = await openFileDevice(loop);
      expect(reader.size).toBe(SIZE);
    } finally {
      await run('umount', mountPoint);
    }
  });

  it('that is read-only is refused for writing', async () => {
    loop = attach('--read-only');
    await expect(openFileDevice(loop, { writable: true })).rejects.toMatchObject({
      code: 'DEVICE_READ_ONLY',
    });
    await using reader = await openFileDevice(loop);
    expect(reader.size).toBe(SIZE);
  });
});
