import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DirtyBitmap } from '@tidemark/core';
import { connectNbd } from '@tidemark/nbd';
import { afterEach, expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { openDrive, openDriveBitmaps, openRecordingDrive } from '../src/index.ts';

const MIB = 2 ** 20;
const SIZE = 8 * MIB;
const GRANULE = 65_536;

describeWithQemu('a drive on an NBD server', ['qemu-nbd', 'qemu-img', 'nbdkit'], () => {
  const dir = tempDir();
  const at = (name: string) => join(dir, name);
  const socket = at('s');
  const uri = `nbd+unix:///?socket=${socket}`;
  let server: ChildProcess | undefined;

  /** Listens once this resolves. */
  async function start(program: string, ...args: readonly string[]): Promise<void> {
    rmSync(socket, { force: true });
    server = spawn(program, args, { stdio: 'ignore' });
    for (;;) {
      if (server.exitCode !== null) throw new Error(`${program} ended`);
      const client = existsSync(socket) && (await connectNbd(uri).catch(() => undefined));
      if (client) return client.close();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async function kill(): Promise<void> {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
  afterEach(kill);

  const raw = at('disk.raw');
  const qemuNbd = () =>
    start('qemu-nbd', '-t', '-e', '0', '-f', 'raw', '--discard=unmap', '-k', socket, raw);
  const nbdkit = () => start('nbdkit', '-f', '-U', socket, 'memory', String(SIZE));

  async function makeBitmap(sidecar: string): Promise<void> {
    const drive = await openDrive(uri, { access: 'bitmaps' });
    const { store } = await openDriveBitmaps(drive, { create: true, sidecar });
    const content = new DirtyBitmap(SIZE, GRANULE);
    await store!.commit([{ op: 'create', name: 'b', enabled: true, content }]);
    await store!.close();
    await drive.device.close();
  }

  async function found(sidecar: string) {
    const drive = await openDrive(uri);
    const { store } = await openDriveBitmaps(drive, { sidecar });
    const [info] = await store!.list();
    const bits = info?.state === 'stored' ? [...(await store!.load('b')).dirtyExtents()] : [];
    await store!.close();
    await drive.device.close();
    return { state: info?.state, dirty: bits.map(({ offset, length }) => [offset, length]) };
  }

  it.each(['qemu-nbd', 'nbdkit'] as const)('is tracked in front of %s', async (program) => {
    await run('qemu-img', 'create', '-q', '-f', 'raw', raw, String(SIZE));
    await (program === 'nbdkit' ? nbdkit() : qemuNbd());
    const sidecar = at(`${program}.qcow2`);
    await makeBitmap(sidecar);
    const notices: string[] = [];
    const onNotice = (notice: string) => void notices.push(notice);
    const tracked = await openRecordingDrive(uri, { sidecar, onNotice });
    await tracked.device.write(Buffer.alloc(100_000, 7), MIB);
    await tracked.device.writeZeroes(4 * MIB, GRANULE);
    await tracked.close();
    expect(await found(sidecar)).toEqual({
      state: 'stored',
      dirty: [
        [MIB, 2 * GRANULE],
        [4 * MIB, GRANULE],
      ],
    });
    // A crash could not be judged, so its bitmaps are not live.
    expect(notices.join()).toContain('cannot be learned whether its drive is changed');
    const drive = await openDrive(uri);
    const content = Buffer.alloc(MIB);
    await drive.device.read(content, MIB);
    await drive.device.close();
    expect(content.subarray(0, 100_000).every((byte) => byte === 7)).toBe(true);
    expect(content.subarray(100_000).every((byte) => byte === 0)).toBe(true);
  });

  it('has bitmaps that are inconsistent where who recorded in them was not closed', async () => {
    await nbdkit();
    const sidecar = at('crashed.qcow2');
    await makeBitmap(sidecar);
    const tracked = await openRecordingDrive(uri, { sidecar });
    await tracked.device.write(Buffer.alloc(1), 0);
    const copy = at('copy.qcow2');
    await run('cp', sidecar, copy);
    await tracked.close();
    expect((await found(copy)).state).toBe('inconsistent');
    expect((await found(sidecar)).state).toBe('stored');
  });

  it('goes on when its server was killed and started anew', async () => {
    await run('qemu-img', 'create', '-q', '-f', 'raw', raw, String(SIZE));
    await qemuNbd();
    const sidecar = at('restarted.qcow2');
    await makeBitmap(sidecar);
    const tracked = await openRecordingDrive(uri, { sidecar });
    const writes: Promise<void>[] = [];
    for (let i = 0; i < 40; i++) {
      writes.push(tracked.device.write(Buffer.alloc(GRANULE, i + 1), i * 2 * GRANULE));
      if (i === 20) {
        await kill();
        await qemuNbd();
      }
    }
    await Promise.all(writes);
    await tracked.close();
    const content = readFileSync(raw);
    for (let i = 0; i < 40; i++) {
      expect([content[i * 2 * GRANULE], content[(i * 2 + 1) * GRANULE - 1]]).toEqual([
        i + 1,
        i + 1,
      ]);
    }
    const { dirty } = await found(sidecar);
    expect(dirty).toEqual(Array.from({ length: 40 }, (_, i) => [i * 2 * GRANULE, GRANULE]));
  });

  it('has no sidecar but one that is named, and no other format than raw', async () => {
    await nbdkit();
    const drive = await openDrive(uri);
    expect(drive).toMatchObject({ format: 'raw', isRemote: true, path: uri });
    expect(await openDriveBitmaps(drive)).toMatchObject({ store: undefined });
    await drive.device.close();
    await expect(openDrive(uri, { format: 'qcow2' })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('is not opened for writing where it can only be read', async () => {
    await start('nbdkit', '-f', '-r', '-U', socket, 'memory', String(SIZE));
    await expect(openDrive(uri, { access: 'write' })).rejects.toMatchObject({
      code: 'DEVICE_READ_ONLY',
    });
  });
});
