import { DirtyBitmap } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { planBackup, restore } from '../src/index.ts';
import { memoryFiles, snapshot } from './support/memory-files.ts';
import { TestDevice } from './support/test-device.ts';
import { BITMAP, TrackedDrive } from './support/tracked-drive.ts';

const SIZE = 64 * 1024;

async function withFirstBackup() {
  const { fs, volume } = memoryFiles();
  const drive = new TrackedDrive(SIZE);
  await drive.fill(0, SIZE, 1);
  await drive.backup('/b', { fs });
  return { fs, volume, drive };
}

describe('a backup decides by itself', () => {
  it('is full at first, then incremental, and says why', async () => {
    const { fs, drive } = await withFirstBackup();
    await drive.fill(8192, 10, 2);
    const { manifest, point } = await drive.backup('/b', { fs });
    expect(point).toBe('000002-incremental');
    expect(manifest).toMatchObject({
      kind: 'incremental',
      reason: `bitmap 'daily' began anew at '000001-full'`,
      parent: { point: '000001-full' },
      bitmap: { name: BITMAP, checkpoint: drive.checkpoint },
      totals: { granules: 1, dataBytes: 4096, zeroBytes: 0 },
    });
    expect(drive.restarts).toBe(2);
  });

  it('is full, with the reason, whenever an increment is not proved right', async () => {
    const cases: readonly [string, Parameters<TrackedDrive['backup']>[1], string][] = [
      ['no bitmap', { bitmap: undefined }, 'no bitmap was given'],
      ['asked for', { mode: 'full' }, 'a full backup was asked for'],
      ['granularity', { granularity: 8192 }, 'granules of 8192 bytes were asked for, not 4096'],
      [
        'another bitmap',
        { bitmap: bitmapNamed('weekly') },
        `bitmap 'weekly' does not tell since when it records: it is new, or was cleared or switched off`,
      ],
      [
        'the bitmap was made again',
        { bitmap: bitmapNamed(BITMAP) },
        `bitmap 'daily' does not tell since when it records: it is new, or was cleared or switched off`,
      ],
      [
        'the store knows why',
        { bitmap: { ...bitmapNamed(BITMAP), checkpointLost: 'QEMU had it' } },
        `bitmap 'daily' does not tell since when it records: QEMU had it`,
      ],
      [
        'the bitmap was backed up elsewhere',
        { bitmap: { ...bitmapNamed(BITMAP), checkpoint: 'ef'.repeat(16) } },
        `bitmap 'daily' began anew at no restore point that is here, but for another backup`,
      ],
    ];
    for (const [, options, reason] of cases) {
      const { fs, drive } = await withFirstBackup();
      const { manifest } = await drive.backup('/b', { fs, ...options });
      expect(manifest).toMatchObject({ kind: 'full', reason, parent: null });
    }
  });

  it('is full after a resize', async () => {
    const { fs, drive } = await withFirstBackup();
    await drive.resize(SIZE + 4096);
    const { manifest } = await drive.backup('/b', { fs });
    expect(manifest.reason).toBe(`the drive was resized from ${SIZE} to ${SIZE + 4096} bytes`);
  });

  it('A6 stands on the point at which the bitmap began, whatever has come after it', async () => {
    const { fs, drive } = await withFirstBackup();
    await drive.backup('/b', { fs, bitmap: undefined });
    const { manifest } = await drive.backup('/b', { fs });
    expect(manifest).toMatchObject({ kind: 'incremental', parent: { point: '000001-full' } });
  });

  it('A6 stands on the older point when drive and bitmap were put back to what they were then', async () => {
    const { fs, drive } = await withFirstBackup();
    const [bitmap, checkpoint] = [drive.bitmap.clone(), drive.checkpoint];
    await drive.fill(8192, 10, 2);
    await drive.backup('/b', { fs });
    // A snapshot of drive and bitmap, from before.
    await drive.fill(8192, 10, 1);
    drive.bitmap = bitmap;
    drive.checkpoint = checkpoint;
    const { manifest, point } = await drive.backup('/b', { fs });
    expect(manifest).toMatchObject({ kind: 'incremental', parent: { point: '000001-full' } });
    const target = new TestDevice(SIZE);
    await restore({ directory: '/b', point, target, fs });
    expect((await target.content()).equals(await drive.device.content())).toBe(true);
  });

  it('is full when the last restore point was removed, and does not use its number again', async () => {
    const { fs, drive } = await withFirstBackup();
    await drive.fill(0, 10, 2);
    await drive.backup('/b', { fs });
    await fs.rm('/b/000002-incremental', { recursive: true, force: false });
    const { manifest, point } = await drive.backup('/b', { fs });
    expect(point).toBe('000003-full');
    expect(manifest.reason).toBe(`the last restore point '000002-incremental' is missing`);
  });

  it('is full when head.json is missing or damaged', async () => {
    for (const damage of ['', '{}', undefined]) {
      const { fs, volume, drive } = await withFirstBackup();
      if (damage === undefined) volume.unlinkSync('/b/head.json');
      else volume.writeFileSync('/b/head.json', damage);
      expect((await drive.backup('/b', { fs })).manifest.kind).toBe('full');
    }
  });

  it('is full on a chain that is broken', async () => {
    const { fs, drive } = await withFirstBackup();
    await drive.backup('/b', { fs });
    await fs.rm('/b/000001-full', { recursive: true, force: false });
    const { manifest } = await drive.backup('/b', { fs });
    expect(manifest.reason).toContain(`its parent '000001-full' is missing`);
  });

  it('refuses a directory of another drive and writes nothing', async () => {
    const { fs, volume, drive } = await withFirstBackup();
    const before = snapshot(volume);
    const other = { id: 'drive-2', label: 'other.raw', format: 'raw' };
    await expect(drive.backup('/b', { fs, drive: other })).rejects.toMatchObject({
      code: 'BACKUP_DRIVE_MISMATCH',
    });
    expect(snapshot(volume)).toEqual(before);
    expect(drive.restarts).toBe(1);
  });

  it('refuses a bitmap of another size and a granularity that is none', async () => {
    const { fs } = memoryFiles();
    const drive = new TrackedDrive(SIZE);
    const content = new DirtyBitmap(SIZE * 2, 4096);
    const bitmap = { name: BITMAP, content, onDurable: async () => {} };
    await expect(drive.backup('/b', { fs, bitmap })).rejects.toMatchObject({
      code: 'BITMAP_INVALID',
    });
    for (const granularity of [0, 512, 5000, 4097, 2 ** 21, Number.NaN]) {
      await expect(drive.backup('/b', { fs, granularity })).rejects.toMatchObject({
        code: 'USAGE',
      });
    }
  });

  it('tells its plan without leaving a trace', async () => {
    const { fs, volume, drive } = await withFirstBackup();
    const before = snapshot(volume);
    const plan = await planBackup({
      target: '/b',
      drive: { id: 'drive-1', label: 'disk.raw', format: 'raw' },
      size: SIZE,
      bitmap: { name: BITMAP, content: drive.bitmap, checkpoint: drive.checkpoint },
      fs,
    });
    expect(plan).toMatchObject({ kind: 'incremental', number: 2, granularity: 4096 });
    expect(snapshot(volume)).toEqual(before);
  });

  it('takes the granularity of the bitmap within bounds, and 64 KiB without one', async () => {
    for (const [bitmap, expected] of [
      [512, 4096],
      [32_768, 32_768],
      [2 ** 21, 2 ** 20],
    ] as const) {
      const { fs } = memoryFiles();
      const { manifest } = await new TrackedDrive(SIZE, bitmap).backup('/b', { fs });
      expect(manifest.granularity).toBe(expected);
    }
    const { fs } = memoryFiles();
    const { manifest } = await new TrackedDrive(SIZE).backup('/b', { fs, bitmap: undefined });
    expect(manifest.granularity).toBe(65_536);
  });
});

function bitmapNamed(name: string, granularity = 4096) {
  return { name, content: new DirtyBitmap(SIZE, granularity), onDurable: async () => {} };
}
