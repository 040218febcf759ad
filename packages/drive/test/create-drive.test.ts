import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { createDrive, createWholeDrive, openDrive } from '../src/index.ts';
import { contentOf, expectSame, pattern } from './support/content.ts';

vi.mock('node:fs/promises', { spy: true });

const SIZE = 256 * 1024;

describe.each(['raw', 'qcow2'] as const)('a new %s drive', (format) => {
  const dir = tempDir();
  afterEach(() => vi.mocked(fs.link).mockReset());

  it('reads as zeros, and keeps what is written', async () => {
    const path = join(dir, 'new');
    const drive = await createDrive(path, { format, size: SIZE });
    expectSame(await contentOf(drive.device), Buffer.alloc(SIZE));
    await drive.device.write(pattern(1000, 1), 70_000);
    await drive.device.close();
    const again = await openDrive(path, { format });
    expectSame((await contentOf(again.device)).subarray(70_000, 71_000), pattern(1000, 1));
    await again.device.close();
  });

  it('never takes the place of another file', async () => {
    const path = join(dir, 'there');
    writeFileSync(path, 'mine');
    await expect(createDrive(path, { format, size: SIZE })).rejects.toMatchObject({
      code: 'FILE_EXISTS',
    });
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });

  it('that is filled has its name only when it is whole', async () => {
    const path = join(dir, 'whole');
    const before = readdirSync(dir);
    const result = await createWholeDrive(path, { format, size: SIZE }, async ({ device }) => {
      expect(readdirSync(dir)).not.toContain('whole');
      await device.write(pattern(SIZE, 2), 0);
      return 'done';
    });
    expect(result).toBe('done');
    expect(readdirSync(dir)).toEqual([...before, 'whole'].sort());
    const drive = await openDrive(path, { format });
    expectSame(await contentOf(drive.device), pattern(SIZE, 2));
    await drive.device.close();
  });

  it('that cannot be filled leaves nothing, and the failure does not name a file that is gone', async () => {
    const path = join(dir, 'failed');
    const before = readdirSync(dir);
    const failed = createWholeDrive(path, { format, size: SIZE }, async ({ device }) => {
      await device.write(Buffer.alloc(1), SIZE);
    });
    await expect(failed).rejects.toMatchObject({ code: 'OUT_OF_RANGE' });
    await expect(failed).rejects.not.toThrow(/partial/);
    expect(readdirSync(dir)).toEqual(before);
  });

  it('gives way to a file that was made meanwhile', async () => {
    const path = join(dir, 'meanwhile');
    const late = createWholeDrive(path, { format, size: SIZE }, async () => {
      writeFileSync(path, 'first');
    });
    await expect(late).rejects.toMatchObject({ code: 'FILE_EXISTS', context: { where: path } });
    expect(readFileSync(path, 'utf8')).toBe('first');
  });

  it("gets its name too where the file system has no hard links, and takes no other's", async () => {
    const noLinks = Object.assign(new Error('EPERM: x'), { code: 'EPERM', syscall: 'link' });
    vi.mocked(fs.link).mockRejectedValue(noLinks);
    const path = join(dir, 'linkless');
    await createWholeDrive(path, { format, size: SIZE }, ({ device }) =>
      device.write(pattern(SIZE, 3), 0),
    );
    const drive = await openDrive(path, { format });
    expectSame(await contentOf(drive.device), pattern(SIZE, 3));
    await drive.device.close();
    const again = createWholeDrive(path, { format, size: SIZE }, async () => {});
    await expect(again).rejects.toMatchObject({ code: 'FILE_EXISTS' });
    expect(readdirSync(dir).filter((name) => name.includes('partial'))).toEqual([]);
  });
});

describe('a qcow2 drive that cannot be made', () => {
  const dir = tempDir();

  it('is not left half made', async () => {
    const odd = { format: 'qcow2', size: SIZE, clusterSize: 12_345 } as const;
    await expect(createDrive(join(dir, 'odd'), odd)).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
    });
    expect(readdirSync(dir)).toEqual([]);
  });
});
