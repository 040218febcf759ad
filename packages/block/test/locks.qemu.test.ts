import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BlockDevice, openFileDevice } from '@tidemark/block';
import { afterEach, describe, expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { findTools } from '../src/helper/tools.ts';
import { lockFile } from '../src/locks/lock-file.ts';
import { pattern, readBytes } from '../../../tools/device/bytes.ts';
import { lacksHelpers } from './support/gates.ts';

const dir = tempDir();
let count = 0;
const devices: BlockDevice[] = [];
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const device of devices.splice(0)) await device.close();
  for (const child of children.splice(0)) await end(child);
});

async function newFile(): Promise<string> {
  const path = join(dir, `disk-${count++}.raw`);
  await writeFile(path, pattern(65_536));
  return path;
}

async function hold(path: string, writable = true): Promise<BlockDevice> {
  const device = await openFileDevice(path, { writable });
  devices.push(device);
  return device;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** A storage daemon that has the file open; it is ready when its pid file is there. */
async function daemon(path: string, access: { readonly writable: boolean }): Promise<ChildProcess> {
  const socket = `${path}.sock`;
  const pidFile = `${path}.pid`;
  const isReadOnly = access.writable ? 'off' : 'on';
  const child = spawn(
    'qemu-storage-daemon',
    [
      `--blockdev=driver=file,node-name=f,filename=${path},read-only=${isReadOnly}`,
      `--blockdev=driver=raw,node-name=d,file=f,read-only=${isReadOnly}`,
      `--nbd-server=addr.type=unix,addr.path=${socket}`,
      `--export=type=nbd,id=e,node-name=d,writable=${access.writable ? 'on' : 'off'}`,
      `--pidfile=${pidFile}`,
    ],
    { stdio: 'ignore' },
  );
  children.push(child);
  await expect
    .poll(() => readFile(pidFile, 'utf8').catch(() => ''), { timeout: 20_000 })
    .not.toBe('');
  return child;
}

const LOCKED = { code: 'LOCKED' };

describeWithQemu('locks', ['qemu-img', 'qemu-io', 'qemu-nbd', 'qemu-storage-daemon'], () => {
  it('keep QEMU from writing a file that we write', async () => {
    const path = await newFile();
    const device = await hold(path);
    const write = await sh('qemu-io', '-f', 'raw', '-c', 'write -P 9 0 512', path);
    expect(write.code).not.toBe(0);
    expect(write.stderr + write.stdout).toContain('Failed to get "write" lock');
    expect(await readBytes(device)).toEqual(pattern(65_536));
  });

  it('keep QEMU from copying a file that we write', async () => {
    const path = await newFile();
    await hold(path);
    const copy = await sh('qemu-img', 'convert', '-f', 'raw', '-O', 'raw', path, `${path}.copy`);
    expect(copy.code).not.toBe(0);
    expect(copy.stderr).toContain('Failed to get shared "write" lock');
  });

  it('keep QEMU from an image that we write, unless it is told to look all the same', async () => {
    const path = join(dir, 'image.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', path, '1M');
    await hold(path);
    const info = await sh('qemu-img', 'info', path);
    expect(info.code).not.toBe(0);
    expect(info.stderr).toContain('Failed to get shared "write" lock');
    expect(await run('qemu-img', 'info', '-U', path)).toContain('file format: qcow2');
  });

  it('keep a qemu-nbd, which does not ask for a lone writer, from writing too', async () => {
    const path = await newFile();
    await hold(path);
    const { code, stderr } = await sh('qemu-nbd', '-f', 'raw', '-k', `${path}.sock`, path);
    expect(code).not.toBe(0);
    expect(stderr).toContain('lock');
  });

  it('keep us from a file that a qemu-nbd writes, though it lets other writers in', async () => {
    const path = await newFile();
    const pidFile = `${path}.pid`;
    const args = ['-f', 'raw', '-k', `${path}.sock`, '--persistent', '--pid-file', pidFile, path];
    const child = spawn('qemu-nbd', args, { stdio: 'ignore' });
    children.push(child);
    await expect.poll(() => readFile(pidFile, 'utf8').catch(() => '')).not.toBe('');
    await expect(openFileDevice(path, { writable: true })).rejects.toMatchObject(LOCKED);
    await expect(openFileDevice(path)).rejects.toMatchObject(LOCKED);
    // Without perl too, where it can only be seen and not be kept out.
    const file = await open(path, 'r+');
    const options = { writable: true, tools: {} };
    await expect(lockFile(file.fd, path, options)).rejects.toMatchObject(LOCKED);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await lockFile(file.fd, path, options)).toContain('perl is not installed');
    await file.close();
    await hold(path);
  });

  it('let QEMU read what we read, and not write it', async () => {
    const path = await newFile();
    await hold(path, false);
    expect(await run('qemu-img', 'info', path)).toContain('64 KiB');
    const write = await sh('qemu-io', '-f', 'raw', '-c', 'write -P 9 0 512', path);
    expect(write.code).not.toBe(0);
  });

  it('keep us from a file that a storage daemon writes, however we want it', async () => {
    const path = await newFile();
    const child = await daemon(path, { writable: true });
    await expect(openFileDevice(path, { writable: true })).rejects.toMatchObject({
      ...LOCKED,
      message: `'${path}' is in use by another process`,
      context: { where: path },
    });
    await expect(openFileDevice(path)).rejects.toMatchObject(LOCKED);
    await using unlocked = await openFileDevice(path, { lock: false });
    expect(await readBytes(unlocked)).toEqual(pattern(65_536));
    await end(child);
    const device = await hold(path);
    expect(device.writable).toBe(true);
  });

  it('keep us from writing a file that a storage daemon reads', async () => {
    const path = await newFile();
    await daemon(path, { writable: false });
    const reader = await hold(path, false);
    expect(await readBytes(reader)).toEqual(pattern(65_536));
    await reader.close();
    await expect(openFileDevice(path, { writable: true })).rejects.toMatchObject(LOCKED);
  });

  it('go when a device is closed, so that QEMU writes again', async () => {
    const path = await newFile();
    const device = await hold(path);
    // The helper has a copy of the descriptor, which would hold the lock.
    await device.writeZeroes(0, 65_536);
    await device.close();
    await run('qemu-io', '-f', 'raw', '-c', 'write -P 9 0 512', path);
    expect((await readFile(path)).subarray(0, 512)).toEqual(Buffer.alloc(512, 9));
  });

  it('go when nothing of an open that failed is left', async () => {
    const path = await newFile();
    const reader = await hold(path, false);
    await expect(openFileDevice(path, { writable: true })).rejects.toMatchObject(LOCKED);
    await reader.close();
    await run('qemu-io', '-f', 'raw', '-c', 'write -P 9 0 512', path);
  });
});

describe.skipIf(lacksHelpers('locks'))('locks between our own devices', () => {
  it('let two read, and not one write beside them', async () => {
    const path = await newFile();
    const [a, b] = [await hold(path, false), await hold(path, false)];
    await expect(openFileDevice(path, { writable: true })).rejects.toMatchObject(LOCKED);
    expect(await readBytes(a)).toEqual(await readBytes(b));
  });

  it('let nobody read or write beside a writer', async () => {
    const path = await newFile();
    await hold(path);
    await expect(openFileDevice(path, { writable: true })).rejects.toMatchObject(LOCKED);
    await expect(openFileDevice(path)).rejects.toMatchObject(LOCKED);
  });

  it('let at most one of many writers in who come at once', async () => {
    const path = await newFile();
    const all = await Promise.allSettled(
      Array.from({ length: 6 }, () => openFileDevice(path, { writable: true })),
    );
    const opened = all.filter((result) => result.status === 'fulfilled');
    devices.push(...opened.map(({ value }) => value));
    expect(opened.length).toBeLessThanOrEqual(1);
  });

  it('are on a new file too', async () => {
    const path = join(dir, 'new.raw');
    devices.push(await openFileDevice(path, { writable: true, create: 'exclusive', size: 512 }));
    await expect(openFileDevice(path)).rejects.toMatchObject(LOCKED);
  });

  it('leave no open file behind when they are refused', async () => {
    const path = await newFile();
    await hold(path);
    const before = (await readdir('/proc/self/fd')).length;
    for (let i = 0; i < 10; i++) await openFileDevice(path).catch(() => {});
    expect((await readdir('/proc/self/fd')).length).toBeLessThan(before + 10);
  });

  it.each([undefined, '/nowhere/perl', '/bin/false'])(
    'are not there without a perl that runs (%s), which is said',
    async (perl) => {
      const path = await newFile();
      const file = await open(path, 'r+');
      const reason = await lockFile(file.fd, path, { writable: true, tools: { perl } });
      expect(reason).toMatch(/perl is not installed|the lock helper failed/);
      await file.close();
    },
  );

  it('are seen by those who have no perl, each of the other', async () => {
    const path = await newFile();
    const { flock } = findTools();
    const attempt = async (writable: boolean) => {
      const file = await open(path, writable ? 'r+' : 'r');
      try {
        return [file, await lockFile(file.fd, path, { writable, tools: { flock } })] as const;
      } catch (error) {
        await file.close();
        throw error;
      }
    };
    const device = await hold(path);
    await expect(attempt(true)).rejects.toMatchObject(LOCKED);
    await expect(attempt(false)).rejects.toMatchObject(LOCKED);
    await device.close();
    const [file, reason] = await attempt(true);
    expect(reason).toContain('nobody is kept from using it');
    await expect(attempt(false)).rejects.toMatchObject(LOCKED);
    await expect(openFileDevice(path)).rejects.toMatchObject(LOCKED);
    await file.close();
    const [reader] = await attempt(false);
    const [second] = await attempt(false);
    await hold(path, false);
    await expect(attempt(true)).rejects.toMatchObject(LOCKED);
    await reader.close();
    await second.close();
  });

  it('go with a process that is killed', async () => {
    const path = await newFile();
    const open = `
      import { openFileDevice } from '@tidemark/block';
      const device = await openFileDevice(process.argv[1], { writable: true });
      setInterval(() => {}, 1000);
      process.stdout.write('open');
    `;
    const args = ['--conditions=@tidemark/source', '--input-type=module', '-e', open, path];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: import.meta.dirname,
    });
    children.push(child);
    await once(child.stdout, 'data');
    await expect(openFileDevice(path)).rejects.toMatchObject(LOCKED);
    child.kill('SIGKILL');
    await once(child, 'close');
    expect((await hold(path)).writable).toBe(true);
  });
});
