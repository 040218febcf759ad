import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DirtyBitmap } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import {
  createDrive,
  type DriveFormat,
  openDrive,
  openDriveBitmaps,
  openRecordingDrive,
} from '../src/index.ts';

const SIZE = 4 * 1024 * 1024;
const GRANULE = 65_536;

interface NewBitmap {
  readonly name: string;
  readonly enabled?: boolean;
  readonly sidecar?: string;
}

describe('a drive that is opened to be written', () => {
  const dir = tempDir();

  async function create(name: string, format: DriveFormat, bitmaps: readonly NewBitmap[]) {
    const path = join(dir, name);
    const created = await createDrive(path, { format, size: SIZE });
    await created.device.close();
    for (const { name: bitmap, enabled = true, sidecar } of bitmaps) {
      const drive = await openDrive(path, { format, access: 'bitmaps' });
      const { store } = await openDriveBitmaps(drive, {
        create: true,
        ...(sidecar && { sidecar }),
      });
      const content = new DirtyBitmap(SIZE, GRANULE);
      await store!.commit([{ op: 'create', name: bitmap, enabled, content }]);
      await store!.close();
      await drive.device.close();
    }
    return path;
  }

  async function dirtyOf(path: string, name: string, sidecar?: string) {
    const drive = await openDrive(path);
    const { store } = await openDriveBitmaps(drive, { ...(sidecar && { sidecar }) });
    const extents = [...(await store!.load(name)).dirtyExtents()];
    await store!.close();
    await drive.device.close();
    return extents.map(({ offset, length }) => ({ offset, length }));
  }

  it('is not opened with a bound that is less than what is marked at once', async () => {
    const path = await create('bound.qcow2', 'qcow2', [{ name: 'a' }]);
    const opened = openRecordingDrive(path, { trackingBound: 1024 ** 2 });
    await expect(opened).rejects.toMatchObject({ code: 'USAGE' });
    await (await openRecordingDrive(path, { trackingBound: 4 * 1024 ** 2 })).close();
    expect(await dirtyOf(path, 'a')).toEqual([]);
  });

  const wanted = [{ offset: GRANULE, length: 2 * GRANULE }];

  it.each(['raw', 'qcow2'] as const)(
    'records in every enabled bitmap of a %s drive, and in no other',
    async (format) => {
      const bitmaps = [{ name: 'a' }, { name: 'b' }, { name: 'off', enabled: false }];
      const path = await create(`all.${format}`, format, bitmaps);
      const drive = await openRecordingDrive(path);
      await drive.device.write(Buffer.alloc(GRANULE + 1), GRANULE);
      await drive.close();
      expect(await dirtyOf(path, 'a')).toEqual(wanted);
      expect(await dirtyOf(path, 'b')).toEqual(wanted);
      expect(await dirtyOf(path, 'off')).toEqual([]);
    },
  );

  it('records in the sidecar that is named and in the usual one, each once', async () => {
    const sidecar = join(dir, 'other.qcow2');
    const path = await create('two.raw', 'raw', [{ name: 'a' }, { name: 'b', sidecar }]);
    const alias = join(dir, 'alias.qcow2');
    symlinkSync('other.qcow2', alias);
    const write = async (named: string, granule: number) => {
      const drive = await openRecordingDrive(path, { sidecar: named });
      await drive.device.write(Buffer.alloc(GRANULE), granule * GRANULE);
      await drive.close();
    };
    await write(sidecar, 0);
    await write(alias, 1);
    const both = [{ offset: 0, length: 2 * GRANULE }];
    expect(await dirtyOf(path, 'a')).toEqual(both);
    expect(await dirtyOf(path, 'b', sidecar)).toEqual(both);
    await write(`${path}.tidemark.qcow2`, 2);
    expect(await dirtyOf(path, 'a')).toEqual([{ offset: 0, length: 3 * GRANULE }]);
    // It missed that write, and says so.
    await expect(dirtyOf(path, 'b', sidecar)).rejects.toMatchObject({
      code: 'BITMAP_INCONSISTENT',
      message: expect.stringContaining('the drive was written behind its bitmaps'),
    });
  });

  it('records in the bitmaps of the file that a symbolic link leads to', async () => {
    const path = await create('linked.raw', 'raw', [{ name: 'a' }]);
    const link = join(dir, 'link.raw');
    symlinkSync('linked.raw', link);
    const drive = await openRecordingDrive(link);
    await drive.device.write(Buffer.alloc(GRANULE + 1), GRANULE);
    await drive.close();
    expect(await dirtyOf(path, 'a')).toEqual(wanted);
  });

  it('does without bitmaps where there are none', async () => {
    const path = await create('none.raw', 'raw', []);
    const drive = await openRecordingDrive(path, { format: 'raw' });
    await drive.device.write(Buffer.alloc(10, 7), 0);
    await drive.close();
    const again = await openDrive(path, { format: 'raw' });
    const bytes = Buffer.alloc(10);
    await again.device.read(bytes, 0);
    expect(bytes.equals(Buffer.alloc(10, 7))).toBe(true);
    await again.device.close();
  });

  it('is free again when it could not be opened: a sidecar missing, of another size, of qcow2', async () => {
    const path = await create('refused.raw', 'raw', [{ name: 'a' }]);
    const small = join(dir, 'small.raw');
    const other = await createDrive(small, { format: 'raw', size: SIZE / 2 });
    await other.device.close();
    const qcow2 = await create('refused.qcow2', 'qcow2', []);
    const sidecar = `${path}.tidemark.qcow2`;
    await expect(openRecordingDrive(path, { sidecar: join(dir, 'no') })).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
    await expect(openRecordingDrive(small, { sidecar })).rejects.toMatchObject({
      code: 'SIDECAR_MISMATCH',
    });
    await expect(openRecordingDrive(qcow2, { sidecar })).rejects.toMatchObject({ code: 'USAGE' });
    for (const free of [path, small, qcow2]) await (await openRecordingDrive(free)).close();
  });
});
