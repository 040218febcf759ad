import { describe, expect, it } from 'vitest';
import { type BackupProgress, restore } from '../src/index.ts';
import { memoryFiles } from './support/memory-files.ts';
import { TestDevice } from './support/test-device.ts';
import { TrackedDrive } from './support/tracked-drive.ts';

const MiB = 1024 * 1024;
const TiB = MiB * MiB;

describe('the cost of a backup', () => {
  it('follows the data of a sparse drive of 1 TiB, not its size', async () => {
    const { fs, volume } = memoryFiles();
    const drive = new TrackedDrive(TiB, 65_536);
    for (let i = 0; i < 8; i++) await drive.fill((i * TiB) / 8 + MiB, MiB, i + 1);
    const progress: BackupProgress[] = [];
    const { manifest, bytesRead } = await drive.backup('/b', {
      fs,
      onProgress: (each) => progress.push(each),
    });
    expect(drive.device.calls.bytesRead).toBe(8 * MiB);
    expect(bytesRead).toBe(8 * MiB);
    expect(manifest.totals).toEqual({
      granules: 2 ** 24,
      dataBytes: 8 * MiB,
      zeroBytes: TiB - 8 * MiB,
    });
    expect(volume.statSync('/b/000001-full/index').size).toBeLessThan(4096);
    expect(progress.at(-1)).toEqual({ done: TiB, total: TiB, read: 8 * MiB });

    const target = new TestDevice(TiB);
    await restore({ directory: '/b', target, targetIsZero: true, fs });
    expect(target.calls).toMatchObject({ writes: 8, zeroedBytes: 0 });
  });

  it('follows the dirty granules of an increment', async () => {
    const { fs } = memoryFiles();
    const drive = new TrackedDrive(TiB, 65_536);
    await drive.fill(0, 8 * MiB, 1);
    await drive.backup('/b', { fs });
    await drive.fill(MiB, 1, 2);
    await drive.zero(2 * MiB, MiB);
    await drive.zero(TiB - MiB, MiB);
    const before = drive.device.calls.bytesRead;
    const { manifest } = await drive.backup('/b', { fs });
    expect(drive.device.calls.bytesRead - before).toBe(65_536);
    expect(manifest.totals).toEqual({ granules: 33, dataBytes: 65_536, zeroBytes: 2 * MiB });
  });

  it('records data that is all zeros as zeros', async () => {
    const { fs, volume } = memoryFiles();
    const drive = new TrackedDrive(4 * MiB, 65_536);
    await drive.fill(0, 4 * MiB, 0);
    const { manifest, bytesRead } = await drive.backup('/b', { fs });
    expect(bytesRead).toBe(4 * MiB);
    expect(manifest.totals.dataBytes).toBe(0);
    expect(volume.statSync('/b/000001-full/data').size).toBe(0);
  });

  it('reads in parallel, in bounded pieces', async () => {
    const { fs } = memoryFiles();
    const drive = new TrackedDrive(40 * MiB, 65_536);
    await drive.fill(0, 40 * MiB, 1);
    drive.device.onRead = async () => await new Promise((resolve) => setImmediate(resolve));
    await drive.backup('/b', { fs });
    expect(drive.device.calls.reads).toBe(40);
    expect(drive.device.calls.mostReadsInFlight).toBe(16);
  });

  it('of nothing changed is an empty increment', async () => {
    const { fs } = memoryFiles();
    const drive = new TrackedDrive(TiB, 65_536);
    await drive.backup('/b', { fs });
    const { manifest } = await drive.backup('/b', { fs });
    expect(manifest.totals).toEqual({ granules: 0, dataBytes: 0, zeroBytes: 0 });
    expect(drive.device.calls.reads).toBe(0);
  });
});
