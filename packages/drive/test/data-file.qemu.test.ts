import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { openQcow2 } from '@tidemark/qcow2';
import { afterEach, expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { openDrive } from '../src/index.ts';
import { contentOf, expectSame } from './support/content.ts';

const MIB = 1024 * 1024;

describeWithQemu('a drive whose data is in a file of its own', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  const started = process.cwd();
  afterEach(() => process.chdir(started));

  async function create(name: string, options: string): Promise<string> {
    const path = join(dir, name);
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', options, path, String(MIB));
    return path;
  }

  it.each(['on', 'off'])('is read and written as QEMU does it, raw: %s', async (isRaw) => {
    const data = join(dir, `data-${isRaw}`);
    const path = await create(`image-${isRaw}`, `data_file=${data},data_file_raw=${isRaw}`);
    await run('qemu-io', '-c', 'write -P 7 3k 100k', path);
    const drive = await openDrive(path, { access: 'write' });
    await drive.device.write(Buffer.alloc(5000, 9), 50_000);
    await drive.device.close();
    const model = Buffer.alloc(MIB).fill(7, 3072, 105_472).fill(9, 50_000, 55_000);
    const raw = join(dir, 'converted');
    await run('qemu-img', 'convert', '-O', 'raw', path, raw);
    expectSame(readFileSync(raw), model);
    const over = join(dir, `over-${isRaw}`);
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', path, '-F', 'qcow2', over);
    const chain = await openDrive(over);
    expectSame(await contentOf(chain.device), model);
    await chain.device.close();
  });

  it('has it by a name that is relative to where we are', async () => {
    process.chdir(dir);
    const path = await create('relative', 'data_file=here.raw');
    await run('qemu-io', '-c', 'write -P 7 0 4k', path);
    const drive = await openDrive(path);
    expect((await contentOf(drive.device))[0]).toBe(7);
    await drive.device.close();
    process.chdir('/');
    await expect(openDrive(path)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining('data file'),
    });
  });

  it('is refused where it is there by protocol', async () => {
    const path = await create('protocol', `data_file=${join(dir, 'a:data')},data_file_raw=on`);
    const file = await openFileDevice(path, { writable: true });
    const image = await openQcow2(file, { writable: true, allowDataFile: true });
    await image.dataMap!.rename('nbd://host/x');
    await image.close();
    writeFileSync(`${path}.copy`, readFileSync(path));
    await expect(openDrive(`${path}.copy`)).rejects.toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      message: expect.stringContaining("'nbd://host/x'"),
    });
  });
});
