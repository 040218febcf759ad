import { execFileSync } from 'node:child_process';
import { closeSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { openQcow2 } from '@tidemark/qcow2';
import { openSidecarStore } from '@tidemark/store-sidecar';
import { openTrackedDrive } from '@tidemark/tracking';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { openDrive, openDriveBitmaps, openRecordingDrive } from '../src/index.ts';

const SIZE = 8 * 1024 * 1024;

const run = (program: string, ...args: readonly string[]) =>
  execFileSync(program, args, { stdio: 'pipe' }).toString().trim();

function lacksLoopDevices(): boolean {
  try {
    if (process.getuid?.() === 0) {
      run('losetup', '--find');
      return false;
    }
  } catch {
    // Said below.
  }
  console.warn('SKIPPED: the sidecar of a block device: needs root and loop devices');
  return true;
}

describe.skipIf(lacksLoopDevices())('the sidecar of a block device', () => {
  const dir = tempDir();
  const backing = join(dir, 'backing');
  let device = '';
  let sidecar = '';
  let count = 0;

  beforeEach(async () => {
    writeFileSync(backing, '');
    truncateSync(backing, SIZE);
    device = run('losetup', '--find', '--show', backing);
    sidecar = join(dir, `${(count += 1)}.qcow2`);
    const drive = await openDrive(device, { format: 'raw', access: 'bitmaps' });
    const { store } = await openDriveBitmaps(drive, { sidecar, create: true });
    const content = new DirtyBitmap(SIZE, 65_536);
    await store!.commit([{ op: 'create', name: 'a', enabled: true, content }]);
    await store!.close();
    await drive.device.close();
  });
  afterEach(() => run('losetup', '--detach', device));

  async function look() {
    const drive = await openDrive(device, { format: 'raw' });
    const { store } = await openDriveBitmaps(drive, { sidecar });
    const [a] = await store!.list();
    await store!.close();
    await drive.device.close();
    return a!.reason ?? a!.state;
  }

  async function record() {
    const drive = await openRecordingDrive(device, { format: 'raw', sidecar });
    await drive.device.write(Buffer.from('ours'), 5000);
    await drive.close();
  }

  it('has its bitmaps while nobody else writes the device, whoever reads it', async () => {
    expect(await look()).toBe('stored');
    await record();
    run('dd', `if=${device}`, 'of=/dev/null', 'bs=64k', 'iflag=direct');
    expect(await look()).toBe('stored');
  });

  it('has none to trust when somebody else has written it', async () => {
    await record();
    run('dd', 'if=/dev/zero', `of=${device}`, 'bs=4k', 'count=1', 'seek=9', 'conv=fsync,notrunc');
    expect(await look()).toContain('the drive was written behind its bitmaps');
  });

  it('has none to trust when somebody else has discarded a part of it', async () => {
    await record();
    run('blkdiscard', '--offset', '1048576', '--length', '65536', device);
    expect(await look()).toContain('the drive was written behind its bitmaps');
  });

  it('has none to trust when it was attached again', async () => {
    await record();
    run('losetup', '--detach', device);
    run('losetup', device, backing);
    expect(await look()).toContain('detached and attached');
  });

  it('has none to trust when somebody else has written it and the system has not yet', async () => {
    await record();
    const reader = openSync(device, 'r');
    try {
      // Who closes a device last makes its pages be written; the reader keeps this from happening.
      run('dd', 'if=/dev/urandom', `of=${device}`, 'bs=4k', 'count=1', 'seek=9', 'conv=notrunc');
      expect(await look()).toContain('the drive was written behind its bitmaps');
    } finally {
      closeSync(reader);
    }
  });

  /** A session with live bitmaps that ends without a close. */
  async function crash({ atRest }: { readonly atRest: boolean }) {
    const drive = await openDrive(device, { format: 'raw', access: 'write' });
    const file = await openFileDevice(sidecar, { writable: true });
    const timers: (() => void)[] = [];
    let now = Date.now();
    const store = await openSidecarStore({
      drive: drive.file,
      sidecar: file,
      writesDrive: true,
      now: () => now,
      later: (work) => void timers.push(work),
    });
    const options = { device: drive.device, label: 'd', stores: [store], writable: true } as const;
    const tracked = await openTrackedDrive({ ...options, durability: 'live' });
    await tracked.device.write(Buffer.from('ours'), 5000);
    const said = async () => {
      await using looked = await openFileDevice(sidecar, { lock: false });
      const found = (await openQcow2(looked)).metadata.control;
      return found !== undefined && 'control' in found ? found.control.state : 'nothing';
    };
    if (atRest) now += 2000;
    for (const work of timers.splice(0)) work();
    await expect.poll(said).toBe(atRest ? 'idle' : 'busy');
    await drive.device.close();
    await file.close();
  }

  it('has its bitmaps after a crash at rest, until somebody else writes the device', async () => {
    await crash({ atRest: true });
    expect(await look()).toBe('stored');
    run('dd', 'if=/dev/zero', `of=${device}`, 'bs=4k', 'count=1', 'seek=9', 'conv=notrunc');
    expect(await look()).toContain('the drive was written behind its bitmaps');
  });

  it('has none to trust after a crash in the midst of writing', async () => {
    await crash({ atRest: false });
    expect(await look()).toContain('who wrote it since is not known');
  });
});
