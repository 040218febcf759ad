import { execFile } from 'node:child_process';
import { open, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type BlockDevice, openFileDevice } from '@tidemark/block';
import { afterEach, describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { findTools, type Tools } from '../src/helper/tools.ts';
import { FileHoles } from '../src/holes/file-holes.ts';
import { extentsOf, pattern, readBytes } from '../../../tools/device/bytes.ts';
import { lacksHelpers } from './support/gates.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const isWithout = lacksHelpers('holes');
const dir = tempDir();
let count = 0;
const newPath = () => join(dir, `file-${count++}`);
const opened: BlockDevice[] = [];

afterEach(async () => {
  for (const device of opened.splice(0)) await device.close();
});

async function create(size: number, options: { onNotice?: (message: string) => void } = {}) {
  const path = newPath();
  const device = await openFileDevice(path, {
    writable: true,
    create: 'exclusive',
    size,
    ...options,
  });
  opened.push(device);
  const allocated = async () => (await stat(path)).blocks * 512;
  return { device, path, allocated };
}

const data = (offset: number, length: number) => ({ offset, length, zero: false, allocated: true });
const hole = (offset: number, length: number) => ({ offset, length, zero: true, allocated: false });

describe.skipIf(isWithout)('holes of a file', () => {
  it('are seen, and data at once, before it is flushed', async () => {
    const { device } = await create(2 ** 40);
    expect(await extentsOf(device)).toEqual([hole(0, 2 ** 40)]);
    await device.write(pattern(8 * KIB), 2 ** 39);
    await device.write(pattern(1), 2 ** 40 - 1);
    expect(await extentsOf(device)).toEqual([
      hole(0, 2 ** 39),
      data(2 ** 39, 8 * KIB),
      hole(2 ** 39 + 8 * KIB, 2 ** 39 - 12 * KIB),
      data(2 ** 40 - 4 * KIB, 4 * KIB),
    ]);
  });

  it('are cut at the range that was asked for', async () => {
    const { device } = await create(MIB);
    await device.write(pattern(64 * KIB), 128 * KIB);
    expect(await extentsOf(device, 130_001, 1)).toEqual([hole(130_001, 1)]);
    expect(await extentsOf(device, 131_000, 100)).toEqual([hole(131_000, 72), data(131_072, 28)]);
    expect(await extentsOf(device, 140_000, 9)).toEqual([data(140_000, 9)]);
  });

  it('are told in as many answers as it takes', async () => {
    const runs = 3000;
    const { device } = await create(runs * 8 * KIB);
    await Promise.all(
      Array.from({ length: runs }, (_, index) => device.write(pattern(1), index * 8 * KIB)),
    );
    const expected = Array.from({ length: runs }, (_, index) => [
      data(index * 8 * KIB, 4 * KIB),
      hole(index * 8 * KIB + 4 * KIB, 4 * KIB),
    ]).flat();
    expect(await extentsOf(device)).toEqual(expected);
  });

  it('are told to many who ask at a time', async () => {
    const { device } = await create(MIB);
    await device.write(pattern(4 * KIB), 512 * KIB);
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => extentsOf(device, index, MIB - index)),
    );
    for (const [index, extents] of answers.entries()) {
      expect(extents[0]).toEqual(hole(index, 512 * KIB - index));
      expect(extents[1]).toEqual(data(512 * KIB, 4 * KIB));
    }
  });

  it('are not made up where the file was cut short behind us', async () => {
    const { device, path } = await create(MIB);
    await device.write(pattern(MIB), 0);
    await truncate(path, 512 * KIB);
    await expect(extentsOf(device)).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(await extentsOf(device, 0, 512 * KIB)).toEqual([data(0, 512 * KIB)]);
  });

  it('are made by zeros of 64 KiB and more, to the byte', async () => {
    const { device, allocated } = await create(MIB);
    await device.write(pattern(MIB), 0);
    await device.flush();
    const before = await allocated();
    await device.writeZeroes(5, 900_000);
    expect(await readBytes(device)).toEqual(pattern(MIB).fill(0, 5, 900_005));
    expect(await allocated()).toBeLessThan(before - 800 * KIB);
    expect(device.size).toBe(MIB);
  });

  it('are not made where the space is to be kept', async () => {
    const { device, allocated } = await create(MIB);
    await device.write(pattern(MIB), 0);
    await device.flush();
    const before = await allocated();
    await device.writeZeroes(5, 900_000, { unmap: false });
    expect(await readBytes(device)).toEqual(pattern(MIB).fill(0, 5, 900_005));
    expect(await allocated()).toBe(before);
  });

  it('are made by a discard, of whole blocks', async () => {
    const { device, allocated } = await create(MIB);
    await device.write(pattern(MIB), 0);
    await device.flush();
    const before = await allocated();
    expect(device.canDiscard).toBe(true);
    await device.discard(1, MIB - 2);
    expect(await allocated()).toBe(before - MIB + 8 * KIB);
    await device.discard(0, 4095);
    expect(await readBytes(device, 0, 4096)).toEqual(pattern(4096));
  });

  it('make zeros of a terabyte without writing it', async () => {
    const { device, allocated } = await create(2 ** 40);
    await device.write(pattern(10), 2 ** 39);
    await device.writeZeroes(0, 2 ** 40);
    expect(await readBytes(device, 2 ** 39, 10)).toEqual(new Uint8Array(10));
    expect(await allocated()).toBeLessThan(100 * KIB);
  });
});

describe.skipIf(isWithout)('without the programs that know holes', () => {
  async function fileHoles(given: Tools, kind: 'file' | 'block device' = 'file') {
    const path = newPath();
    await writeFile(path, pattern(256 * KIB));
    const file = await open(path, 'r+');
    const notices: string[] = [];
    const holes = new FileHoles({
      fd: file.fd,
      where: path,
      kind,
      tools: given,
      onNotice: (message) => notices.push(message),
    });
    const close = async () => {
      await holes.close();
      await file.close();
    };
    return { holes, notices, path, close };
  }
  const range = { offset: 4096, length: 128 * KIB };

  it('all is data and nothing is given back, said once each', async () => {
    const { holes, notices, path, close } = await fileHoles({});
    expect(holes.canDiscard).toBe(false);
    for (let i = 0; i < 3; i++) {
      expect(await holes.dataRuns(0, 256 * KIB)).toBeUndefined();
      expect((await holes.zero(range, { unmap: false })).length).toBe(0);
    }
    expect(notices).toEqual([
      `'${path}': its holes are not known, and all of it counts as data (perl is not installed)`,
      `'${path}': zeros are written out (neither perl nor fallocate of util-linux is installed)`,
    ]);
    await close();
  });

  it('fallocate of util-linux makes holes, and none are seen', async () => {
    const { fallocate } = findTools();
    const { holes, notices, path, close } = await fileHoles({ fallocate });
    expect(holes.canDiscard).toBe(true);
    expect(await holes.zero(range, { unmap: true })).toEqual(range);
    await holes.discard({ offset: 200_000, length: 20_000 });
    expect((await stat(path)).blocks * 512).toBe(256 * KIB - 128 * KIB - 16 * KIB);
    expect(await holes.dataRuns(0, 256 * KIB)).toBeUndefined();
    expect(notices).toHaveLength(1);
    await close();
  });

  it('a perl that does not run is as none at all', async () => {
    for (const perl of ['/nowhere/perl', '/bin/false']) {
      const { holes, notices, path, close } = await fileHoles({ perl });
      const answers = await Promise.all([holes.dataRuns(0, 10), holes.dataRuns(0, 10)]);
      expect(answers).toEqual([undefined, undefined]);
      expect(notices).toEqual([
        `'${path}': its holes are not known, and all of it counts as data (the helper process ended)`,
      ]);
      await close();
    }
  });

  it('a helper that is never needed is never started', async () => {
    const { holes, notices, close } = await fileHoles({ perl: '/bin/false' });
    expect(holes.canDiscard).toBe(true);
    await holes.discard({ offset: 1, length: 4096 });
    await close();
    expect(notices).toEqual([]);
  });
});

describe.skipIf(isWithout)('the helper', () => {
  const source = (body: string) => `
    import { openFileDevice } from '@tidemark/block';
    const device = await openFileDevice(process.argv[1], { writable: true, create: 'exclusive', size: 1e6 });
    for await (const extent of device.extents(0, 1e6)) console.log(extent.length);
    ${body}
  `;
  const runNode = (body: string) =>
    promisify(execFile)(
      process.execPath,
      ['--conditions=@tidemark/source', '--input-type=module', '-e', source(body), newPath()],
      { cwd: import.meta.dirname, timeout: 20_000 },
    );

  it('does not keep a process alive that forgets to close', async () => {
    const { stdout } = await runNode('');
    expect(stdout).toBe('1000000\n');
  });

  it('answers after an interrupt of the terminal, which reaches it as well', async () => {
    const { stdout } = await runNode(`
      process.on('SIGINT', () => {});
      const helpers = (await import('node:fs')).readFileSync(
        '/proc/self/task/' + process.pid + '/children', 'utf8').trim().split(' ');
      for (const helper of helpers) process.kill(Number(helper), 'SIGINT');
      for await (const extent of device.extents(0, 5)) console.log(helpers.length, extent.zero);
    `);
    expect(stdout).toBe('1000000\n1 true\n');
  });

  it('ends when the process is killed', async () => {
    const result = await runNode(`
      const helper = (await import('node:fs')).readFileSync(
        '/proc/self/task/' + process.pid + '/children', 'utf8').trim();
      process.stdout.write('helper ' + helper, () => process.kill(process.pid, 'SIGKILL'));
    `).catch((error: { stdout: string }) => error);
    const pid = Number(/helper (\d+)/.exec(result.stdout)?.[1]);
    expect(pid).toBeGreaterThan(1);
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  it('is gone once the device is closed, and the lock with it', async () => {
    const { device, path } = await create(MIB);
    await extentsOf(device);
    await device.close();
    await using again = await openFileDevice(path, { writable: true });
    expect(again.size).toBe(MIB);
  });
});

/** A process that has ended but whose parent has not looked has ended. */
async function isRunning(pid: number): Promise<boolean> {
  const file = await open(`/proc/${pid}/stat`).catch(() => undefined);
  const text = await file?.readFile('utf8').catch(() => undefined);
  await file?.close();
  return text !== undefined && !/\) [ZX] /.test(text);
}
