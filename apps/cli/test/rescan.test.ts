import { rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tidemark } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { guestWrites, makeDrive, readDrive } from './support/drives.ts';
import { digestOf, fail, succeed, succeedJson } from './support/tidemark.ts';

const MiB = 1024 * 1024;
const SIZE = 16 * MiB + 512;
const GRANULE = 65_536;

interface Listed {
  readonly state: string;
  readonly checkpoint?: string;
  readonly dirtyBytes: number;
}

interface Backup {
  readonly kind: string;
  readonly reason: string;
  readonly parent: { readonly point: string } | null;
  readonly totals: { readonly granules: number };
}

/** A drive, its backups, and what is asked of them. */
function setUp(format: 'raw' | 'qcow2') {
  const dir = tempDir();
  const drive = join(dir, `drive.${format}`);
  const backups = join(dir, 'backups');
  const flags = ['--format', format];
  const byBitmap = [...flags, '--bitmap', 'nightly'];
  return {
    ...{ drive, backups, flags, byBitmap },
    rescan: () => succeedJson('rescan', drive, backups, ...byBitmap),
    bitmap: async () =>
      (await succeedJson<readonly Listed[]>('bitmap', 'list', drive, ...flags))[0],
    /** A backup has to be an increment of so many granules, from which all is restored. */
    expectIncrement: async (granules: number) => {
      const made = await succeedJson<Backup>('backup', drive, backups, ...byBitmap);
      expect(made).toMatchObject({ kind: 'incremental', totals: { granules } });
      const restored = join(dir, 'restored.raw');
      rmSync(restored, { force: true });
      await succeed('restore', backups, restored);
      expect((await readDrive(restored)).equals(await readDrive(drive))).toBe(true);
    },
  };
}

describe.each(['raw', 'qcow2'] as const)('a rescan of a %s drive', (format) => {
  const { drive, backups, flags, byBitmap, rescan, bitmap, expectIncrement } = setUp(format);

  it('brings back a bitmap that was removed: what differs is what the next backup copies', async () => {
    await makeDrive(drive, format, SIZE, [{ offset: MiB, length: 3 * MiB, byte: 1 }]);
    await succeed('bitmap', 'add', drive, 'nightly', ...flags);
    await succeed('backup', drive, backups, ...byBitmap);
    await guestWrites(drive, [{ offset: 8 * MiB, length: 10, byte: 2 }]);
    await expectIncrement(1);
    await succeed('bitmap', 'remove', drive, 'nightly', ...flags);
    await guestWrites(drive, [
      { offset: 2 * MiB + 7, length: GRANULE, byte: 3 },
      { offset: MiB, length: MiB, byte: 1 },
      { offset: SIZE - 1, length: 1, byte: 4 },
      { offset: 12 * MiB, length: 10, byte: 5 },
    ]);
    expect(await rescan()).toMatchObject({
      bitmap: 'nightly',
      point: '000002-incremental',
      size: SIZE,
      dirty: 3 * GRANULE + 512,
      clean: 16 * MiB - 3 * GRANULE,
      granularity: GRANULE,
      dirtyBytes: 4 * GRANULE,
    });
    expect(await bitmap()).toMatchObject({ state: 'stored', dirtyBytes: 4 * GRANULE });
    await expectIncrement(4);
  });

  it('goes on from there: what is written after it is in the next backup as well', async () => {
    await succeed('bitmap', 'clear', drive, 'nightly', ...flags);
    await guestWrites(drive, [{ offset: 5 * MiB, length: 1, byte: 6 }]);
    await rescan();
    await guestWrites(drive, [{ offset: 6 * MiB, length: 1, byte: 7 }]);
    await expectIncrement(2);
  });

  it('is refused, and changes nothing, where the next backup would be full all the same', async () => {
    const before = digestOf(drive);
    const elsewhere = await fail('rescan', drive, `${backups}-none`, ...byBitmap);
    expect(elsewhere).toMatchObject({ code: 'FILE_NOT_FOUND' });
    const unknown = await fail('rescan', drive, backups, ...flags, '--bitmap', 'weekly');
    expect(unknown).toMatchObject({ code: 'BACKUP_NOT_FOUND' });
    const other = await fail('rescan', drive, backups, ...byBitmap, '--drive-id', 'another');
    expect(other).toMatchObject({ code: 'BACKUP_DRIVE_MISMATCH' });
    expect(digestOf(drive)).toBe(before);
    expect(await bitmap()).toMatchObject({ state: 'stored', dirtyBytes: 0 });
  });
});

describe('a rescan of a raw drive and its sidecar', () => {
  const { drive, backups, flags, byBitmap, rescan, bitmap, expectIncrement } = setUp('raw');

  it('finds what was changed behind the back of the bitmap', async () => {
    await makeDrive(drive, 'raw', SIZE, [{ offset: MiB, length: MiB, byte: 1 }]);
    await succeed('bitmap', 'add', drive, 'nightly', ...flags);
    await succeed('backup', drive, backups, ...byBitmap);
    const file = await open(drive, 'r+');
    await file.write(Buffer.alloc(10, 9), 0, 10, 3 * MiB);
    await file.close();
    expect(await bitmap()).toMatchObject({ state: 'inconsistent' });
    const { code, stderr } = await tidemark('rescan', drive, backups, ...byBitmap);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    await expectIncrement(1);
  });

  it('makes the sidecar anew where that is lost', async () => {
    await guestWrites(drive, [{ offset: 9 * MiB, length: 1, byte: 8 }]);
    rmSync(`${drive}.tidemark.qcow2`);
    await rescan();
    await expectIncrement(1);
  });
});
