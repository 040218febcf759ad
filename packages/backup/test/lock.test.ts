import { spawnSync } from 'node:child_process';
import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { memoryFiles, watched } from './support/memory-files.ts';
import { TrackedDrive } from './support/tracked-drive.ts';

function deadPid(): number {
  return spawnSync(process.execPath, ['--version']).pid;
}

describe('the lock of a backup directory', () => {
  it('refuses a second backup while one runs', async () => {
    const { fs } = memoryFiles();
    const drive = new TrackedDrive(8192);
    await drive.fill(0, 8192, 1);
    const other = new TrackedDrive(8192);
    let second: unknown;
    drive.device.onRead = async () => {
      second = await other.backup('/b', { fs }).catch((error: unknown) => error);
    };
    await drive.backup('/b', { fs });
    expect(second).toMatchObject({ code: 'LOCKED', context: { where: '/b/.lock' } });
    expect(other.restarts).toBe(0);
    await other.backup('/b', { fs });
  });

  it('lets one of two that begin at once go ahead', async () => {
    const { fs } = memoryFiles();
    const drives = [new TrackedDrive(8192), new TrackedDrive(8192)];
    const results = await Promise.allSettled(drives.map((drive) => drive.backup('/b', { fs })));
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it.each([
    ['a process that is gone', () => ({ pid: deadPid(), host: hostname(), started: 1 })],
    [
      'an earlier process of our number',
      () => ({ pid: process.pid, host: hostname(), started: 1 }),
    ],
  ])('is taken over from %s', async (_, holder) => {
    const { fs, volume } = memoryFiles();
    volume.mkdirSync('/b');
    volume.writeFileSync('/b/.lock', JSON.stringify(holder()));
    await new TrackedDrive(8192).backup('/b', { fs });
    expect(volume.existsSync('/b/.lock')).toBe(false);
  });

  it.each([
    ['a process that runs', { pid: process.ppid, host: hostname(), started: 1 }],
    ['another machine', { pid: 1, host: 'elsewhere.example', started: 1 }],
    ['somebody whose note is not whole', ''],
    ['somebody whose note makes no sense', { pid: -1, host: hostname(), started: 1 }],
  ])('is respected when it is of %s', async (_, holder) => {
    const { fs, volume } = memoryFiles();
    volume.mkdirSync('/b');
    const text = typeof holder === 'string' ? holder : JSON.stringify(holder);
    volume.writeFileSync('/b/.lock', text);
    await expect(new TrackedDrive(8192).backup('/b', { fs })).rejects.toMatchObject({
      code: 'LOCKED',
      context: { hint: expect.stringContaining(`remove '/b/.lock'`) },
    });
    expect(volume.readFileSync('/b/.lock', 'utf8')).toBe(text);
  });

  it('holds on a file system without hard links', async () => {
    const { fs, volume } = memoryFiles();
    const without = watched(fs, ({ name }) => {
      if (name === 'link') throw Object.assign(new Error('no links'), { code: 'EPERM' });
    });
    const drive = new TrackedDrive(8192);
    await drive.backup('/b', { fs: without });
    volume.writeFileSync('/b/.lock', '');
    await expect(drive.backup('/b', { fs: without })).rejects.toMatchObject({ code: 'LOCKED' });
  });

  it('stops a backup whose lock was taken away before it commits', async () => {
    const { fs, volume } = memoryFiles();
    const drive = new TrackedDrive(8192);
    await drive.fill(0, 8192, 1);
    drive.device.onRead = () => volume.writeFileSync('/b/.lock', '{}');
    await expect(drive.backup('/b', { fs })).rejects.toMatchObject({ code: 'LOCKED' });
    expect(drive.restarts).toBe(0);
    expect(volume.readdirSync('/b')).not.toContain('000001-full');
  });
});
