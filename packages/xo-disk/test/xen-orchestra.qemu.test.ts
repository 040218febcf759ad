import { createWriteStream } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DiskChain, type RandomAccessDisk } from '@xen-orchestra/disk-transform';
// Its entry point loads a package that it does not declare; this module does not.
import { toQcow2Stream } from '@xen-orchestra/qcow2/dist/consumer/ConsumerQcowStream.mjs';
import { type BlockDevice, openFileDevice } from '@tidemark/block';
import { openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { changesOf, TidemarkDisk } from '@tidemark/xo-disk';
import { beforeAll, expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';

/** What QEMU does between the backup of sunday and that of monday; some of it is cleared. */
const WRITES = ['-c', 'write -P 7 3M 200k', '-c', 'write -z 8M 1M', '-c', 'write -P 9 39M 1M'];

describeWithQemu("Xen Orchestra's own writer", ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  const [sunday, monday, copy] = [
    join(dir, 'sunday.qcow2'),
    join(dir, 'vm.qcow2'),
    join(dir, 'copy'),
  ];

  beforeAll(async () => {
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', monday, '40M');
    await run('qemu-io', '-c', 'write -P 1 1M 9M', '-c', 'write -P 2 39M 1M', monday);
    await copyFile(monday, sunday);
    await run('qemu-img', 'bitmap', '--add', monday, 'nightly');
    await run('qemu-io', ...WRITES, monday);
  });

  async function withDisks(
    blockSize: number,
    work: (full: RandomAccessDisk, increment: RandomAccessDisk) => Promise<void>,
  ): Promise<void> {
    await using before = await imageAt(sunday);
    await using now = await imageAt(monday);
    await using store = await openQcow2Store(now.image, { writable: false });
    const full = new TidemarkDisk({ device: before.image, blockSize });
    const changes = changesOf(store, 'nightly');
    const parent = () => full;
    await work(full, new TidemarkDisk({ device: now.image, blockSize, changes, parent }));
  }

  it.each([
    [65_536, 10 * 2 ** 20],
    [2 ** 21, 12 * 2 ** 20],
  ])('writes a full disk of blocks of %i bytes', async (blockSize, length) => {
    await withDisks(blockSize, async (full) => {
      await full.init();
      await write(full, copy);
    });
    await expectSame(copy, sunday);
    expect(await allocated(copy)).toBe(length);
  });

  it.each([65_536, 2 ** 21])('writes an increment of blocks of %i bytes', async (blockSize) => {
    await withDisks(blockSize, async (_, increment) => {
      await increment.init();
      await write(increment, copy);
    });
    await run('qemu-img', 'rebase', '-u', '-F', 'qcow2', '-b', sunday, copy);
    await expectSame(copy, monday);
  });

  it('writes no more of an increment than was written', async () => {
    await withDisks(65_536, async (_, increment) => {
      await increment.init();
      expect(increment.getBlockIndexesCount()).toBe(4 + 16 + 16);
    });
  });

  // 4096: of the writer's 64 KiB some parts are the parent's.
  it.each([4096, 65_536, 2 ** 21])('writes a chain of blocks of %i bytes', async (blockSize) => {
    await withDisks(blockSize, async (_, increment) => {
      await increment.init();
      await write(await DiskChain.openFromChild(increment), copy);
    });
    await expectSame(copy, monday);
  });
});

async function imageAt(
  path: string,
): Promise<AsyncDisposable & { image: Awaited<ReturnType<typeof openQcow2>> }> {
  const file: BlockDevice = await openFileDevice(path, { writable: false });
  const image = await openQcow2(file);
  return {
    image,
    [Symbol.asyncDispose]: async () => {
      await image.close();
      await file.close();
    },
  };
}

async function write(disk: RandomAccessDisk, path: string): Promise<void> {
  await pipeline(toQcow2Stream(sorted(disk)), createWriteStream(path));
}

async function expectSame(copy: string, original: string): Promise<void> {
  expect(await run('qemu-img', 'compare', copy, original)).toBe('Images are identical.\n');
  await run('qemu-img', 'check', '-q', copy);
}

async function allocated(path: string): Promise<number> {
  const map = JSON.parse(await run('qemu-img', 'map', '--output=json', path)) as {
    data: boolean;
    length: number;
  }[];
  return map.filter(({ data }) => data).reduce((sum, { length }) => sum + length, 0);
}

/** Their writer wants blocks in order, and their chain has those of the child last. */
function sorted(disk: RandomAccessDisk): RandomAccessDisk {
  const indexes = () => Object.getPrototypeOf(disk).getBlockIndexes.call(disk) as number[];
  return Object.assign(disk, { getBlockIndexes: () => indexes().toSorted((a, b) => a - b) });
}
