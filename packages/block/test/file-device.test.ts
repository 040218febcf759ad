import { promises as nodeFs } from 'node:fs';
import { mkdir, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  type FileBlockDevice,
  fromSystemError,
  type OpenFile,
  openFileDevice,
} from '@tidemark/block';
import { describe, expect, it } from 'vitest';
import { sh, tempDir } from '../../../tools/qemu.ts';
import { deviceNumber } from '../src/file/block-device-facts.ts';
import { pattern, readBytes } from '../../../tools/device/bytes.ts';
import { memoryFileSystem } from './support/device-kinds.ts';

const dir = tempDir();
let count = 0;
const newPath = () => join(dir, `file-${count++}`);

/** node:fs in which a call on an open file is replaced, and the loops of handles are used. */
function withFile(change: (file: OpenFile) => Partial<OpenFile>) {
  return {
    ...nodeFs,
    async open(path: string, flags: string | number): Promise<OpenFile> {
      const file = await nodeFs.open(path, flags);
      const plain: OpenFile = {
        fd: file.fd,
        read: (...args) => file.read(...args),
        write: (...args) => file.write(...args),
        stat: () => file.stat(),
        truncate: (size) => file.truncate(size),
        datasync: () => file.datasync(),
        sync: () => file.sync(),
        close: () => file.close(),
      };
      return { ...plain, ...change(plain) };
    },
  };
}

const systemError = (code: string) => Object.assign(new Error(code), { code });

describe('openFileDevice', () => {
  it('opens a file for reading only unless told otherwise', async () => {
    const path = newPath();
    await writeFile(path, pattern(1000));
    await using device = await openFileDevice(path);
    expect(device).toMatchObject({ size: 1000, writable: false, label: `file '${path}'` });
    expect(await readBytes(device)).toEqual(pattern(1000));
  });

  it('opens what a symbolic link leads to', async () => {
    const path = newPath();
    await writeFile(path, pattern(10));
    await symlink(path, `${path}.link`);
    await using device = await openFileDevice(`${path}.link`);
    expect(await readBytes(device)).toEqual(pattern(10));
  });

  it('takes another label', async () => {
    const path = newPath();
    await writeFile(path, '');
    await using device = await openFileDevice(path, { label: "drive 'a'" });
    expect(device.label).toBe("drive 'a'");
  });

  it('makes a new file of a size, sparse, and never opens an old one', async () => {
    const path = newPath();
    const options = { writable: true, create: 'exclusive', size: 2 ** 40 } as const;
    const device = await openFileDevice(path, options);
    await device.write(pattern(1), 2 ** 40 - 1);
    await device.close();
    const { size, blocks } = await stat(path);
    expect(size).toBe(2 ** 40);
    expect(blocks).toBeLessThan(1000);
    await expect(openFileDevice(path, options)).rejects.toMatchObject({ code: 'FILE_EXISTS' });
    expect((await stat(path)).size).toBe(2 ** 40);
  });

  it('leaves no file behind when it cannot be made as large as asked', async () => {
    const path = newPath();
    const fs = withFile(() => ({ truncate: () => Promise.reject(systemError('EFBIG')) }));
    const options = { writable: true, create: 'exclusive', size: 2 ** 52, fs } as const;
    await expect(openFileDevice(path, options)).rejects.toMatchObject({ code: 'IO_FAILED' });
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('refuses to make a file that cannot be written, as a mistake of the caller', async () => {
    await expect(openFileDevice(newPath(), { create: 'exclusive' })).rejects.toThrow(TypeError);
    await expect(openFileDevice(newPath(), { size: -1 })).rejects.toThrow(RangeError);
  });

  it('refuses a path that is not there, with the cause and what to do', async () => {
    const path = newPath();
    await expect(openFileDevice(path)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: `'${path}' does not exist`,
      context: { where: path, hint: 'check the path' },
      cause: { code: 'ENOENT' },
    });
    await expect(openFileDevice(join(path, 'below'))).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
  });

  it('refuses a directory, a pipe, a socket and a character device', async () => {
    const [folder, pipe, socket] = [newPath(), newPath(), newPath()];
    await mkdir(folder);
    await sh('mkfifo', pipe);
    const server = createServer().listen(socket);
    await new Promise((resolve) => server.once('listening', resolve));
    for (const path of [folder, pipe, socket, '/dev/null']) {
      await expect(openFileDevice(path)).rejects.toMatchObject({ code: 'DEVICE_UNSUPPORTED' });
      await expect(openFileDevice(path, { writable: true })).rejects.toMatchObject({
        code: 'DEVICE_UNSUPPORTED',
      });
    }
    server.close();
  });

  it('opens files of memfs, and knows nothing of their holes', async () => {
    const fs = memoryFileSystem();
    const notices: string[] = [];
    const onNotice = (message: string) => notices.push(message);
    const device = await openFileDevice('/a', {
      writable: true,
      create: 'exclusive',
      fs,
      onNotice,
    });
    await device.resize(200_000);
    await device.writeZeroes(0, 100_000);
    await device.discard(0, 100_000);
    expect(device.canDiscard).toBe(false);
    await device.write(pattern(5), 199_995);
    await device.close();
    await using again = await openFileDevice('/a', { fs, onNotice });
    expect(await readBytes(again, 199_995)).toEqual(pattern(5));
    expect(notices).toEqual([]);
  });
});

describe('a file device', () => {
  it('writes at offsets that need more than 32 bits', async () => {
    const path = newPath();
    const size = 2 ** 43;
    await using device = await openFileDevice(path, { writable: true, create: 'exclusive', size });
    const at = 2 ** 42 + 12_345;
    await device.write(pattern(100), at);
    expect(await readBytes(device, at - 1, 102)).toEqual(Uint8Array.from([0, ...pattern(100), 0]));
  });

  it.each([true, false])(
    'fails to read what was cut off the file, through node:fs: %s',
    async (isNode) => {
      const path = newPath();
      await writeFile(path, pattern(10_000));
      const options = isNode ? {} : { fs: withFile(() => ({})) };
      await using device = await openFileDevice(path, options);
      await truncate(path, 5000);
      await expect(device.read(new Uint8Array(10_000), 0)).rejects.toMatchObject({
        code: 'IO_FAILED',
        context: { where: path, offset: 5000 },
      });
      expect(await readBytes(device, 0, 5000)).toEqual(pattern(5000));
    },
  );

  it('goes on after short reads and writes', async () => {
    const path = newPath();
    const fs = withFile((file) => ({
      read: (target, at, length, position) => file.read(target, at, Math.min(length, 7), position),
      write: (source, at, length, position) =>
        file.write(source, at, Math.min(length, 11), position),
    }));
    await using device = await openFileDevice(path, {
      writable: true,
      create: 'exclusive',
      size: 500,
      fs,
    });
    await device.write(pattern(300), 100);
    expect(await readBytes(device, 99, 302)).toEqual(Uint8Array.from([0, ...pattern(300), 0]));
  });

  it('fails when a write makes no progress, rather than going on for ever', async () => {
    const fs = withFile(() => ({ write: async () => ({ bytesWritten: 0 }) }));
    const options = { writable: true, create: 'exclusive', size: 500, fs } as const;
    await using device = await openFileDevice(newPath(), options);
    await expect(device.write(pattern(300), 100)).rejects.toMatchObject({ code: 'IO_FAILED' });
  });

  it.each([
    ['ENOSPC', 'NO_SPACE'],
    ['EDQUOT', 'NO_SPACE'],
    ['EIO', 'IO_FAILED'],
    ['EROFS', 'DEVICE_READ_ONLY'],
  ])('names a write that fails with %s %s', async (errno, code) => {
    const fs = withFile(() => ({ write: () => Promise.reject(systemError(errno)) }));
    const options = { writable: true, create: 'exclusive', size: 500, fs } as const;
    await using device = await openFileDevice(newPath(), options);
    await expect(device.write(pattern(3), 0)).rejects.toMatchObject({
      code,
      cause: { code: errno },
    });
  });

  it('syncs the size too after a resize, and only then', async () => {
    const calls: string[] = [];
    const fs = withFile((file) => ({
      sync: async () => (calls.push('sync'), file.sync?.()),
      datasync: async () => (calls.push('datasync'), file.datasync()),
    }));
    const path = newPath();
    const device = await openFileDevice(path, { writable: true, create: 'exclusive', fs });
    await device.flush();
    await device.resize(100);
    await device.flush();
    await device.write(pattern(5), 0);
    await device.flush();
    await device.write(pattern(5), 0);
    await device.close();
    expect(calls).toEqual(['datasync', 'sync', 'datasync', 'datasync']);
  });

  it('does not sync at close when nothing was written', async () => {
    const calls: string[] = [];
    const fs = withFile(() => ({ datasync: async () => void calls.push('datasync') }));
    const path = newPath();
    await writeFile(path, pattern(5));
    const device = await openFileDevice(path, { writable: true, fs });
    await readBytes(device);
    await device.close();
    expect(calls).toEqual([]);
  });

  it('does not sync at close what nobody reads any more', async () => {
    const calls: string[] = [];
    const fs = withFile(() => ({
      sync: async () => void calls.push('sync'),
      datasync: async () => void calls.push('datasync'),
    }));
    const options = { writable: true, create: 'exclusive', size: 500, fs } as const;
    const device = await openFileDevice(newPath(), { ...options, temporary: true });
    await device.write(pattern(5), 0);
    await device.close();
    expect(calls).toEqual([]);
  });

  it('fails every flush after one that failed, and the close too', async () => {
    let failures = 1;
    const fs = withFile((file) => ({
      datasync: () => (failures-- > 0 ? Promise.reject(systemError('EIO')) : file.datasync()),
    }));
    const path = newPath();
    await writeFile(path, pattern(5));
    const device = await openFileDevice(path, { writable: true, fs });
    await device.write(pattern(1), 0);
    await expect(device.flush()).rejects.toMatchObject({ code: 'IO_FAILED' });
    await expect(device.flush()).rejects.toMatchObject({ code: 'IO_FAILED' });
    await expect(device.close()).rejects.toMatchObject({ code: 'IO_FAILED' });
  });

  it('waits at close for the calls under way, and keeps what they wrote', async () => {
    const path = newPath();
    const size = 64 * 65_536;
    const device = await openFileDevice(path, { writable: true, create: 'exclusive', size });
    const bytes = pattern(65_536);
    const writes = Array.from({ length: 64 }, (_, index) => device.write(bytes, index * 65_536));
    await device.close();
    await Promise.all(writes);
    const file = await readFile(path);
    for (let index = 0; index < 64; index++) {
      expect(file.subarray(index * 65_536, (index + 1) * 65_536).equals(bytes)).toBe(true);
    }
  });
});

describe('fromSystemError', () => {
  it.each([
    ['ENOENT', 'FILE_NOT_FOUND'],
    ['ENOTDIR', 'FILE_NOT_FOUND'],
    ['EEXIST', 'FILE_EXISTS'],
    ['EACCES', 'PERMISSION_DENIED'],
    ['EPERM', 'PERMISSION_DENIED'],
    ['EROFS', 'DEVICE_READ_ONLY'],
    ['EBUSY', 'LOCKED'],
    ['EISDIR', 'DEVICE_UNSUPPORTED'],
    ['ENOSPC', 'NO_SPACE'],
    ['EIO', 'IO_FAILED'],
  ])('makes of %s %s', (errno, code) => {
    const cause = systemError(errno);
    expect(fromSystemError(cause, '/a')).toMatchObject({ code, cause, context: { where: '/a' } });
  });

  it('leaves an error of ours as it is', () => {
    const error = fromSystemError(systemError('ENOENT'), 'a');
    expect(fromSystemError(error, 'b')).toBe(error);
  });

  it('makes IO_FAILED of anything else, with the cause', () => {
    const cause = systemError('EWHATEVER');
    expect(fromSystemError(cause, '/a')).toMatchObject({ code: 'IO_FAILED', cause });
    expect(fromSystemError('text', '/a')).toMatchObject({ code: 'IO_FAILED', cause: 'text' });
  });
});

describe('deviceNumber', () => {
  it.each([
    [0x700n, '7:0'],
    [0x803n, '8:3'],
    [0xfd00n, '253:0'],
    [0x10_0300n, '3:256'],
    [0x1000_0010_0300n, '4099:256'],
  ])('takes %d apart as Linux does', (rdev, text) => {
    expect(deviceNumber(rdev)).toBe(text);
  });
});

describe('a file that somebody cuts short while it is open', () => {
  const cut = {
    code: 'IO_FAILED',
    message: expect.stringContaining('it was cut short while open'),
  };

  async function cutOpen() {
    const path = newPath();
    await writeFile(path, pattern(128 * 1024));
    const device = await openFileDevice(path, { writable: true });
    device.assertWhole!();
    await truncate(path, 64 * 1024);
    return { path, device };
  }

  it.each([
    ['is grown', (device: FileBlockDevice) => device.resize(256 * 1024)],
    ['is shrunk to more than is left', (device: FileBlockDevice) => device.resize(96 * 1024)],
    [
      'is written at its end',
      (device: FileBlockDevice) => device.write(pattern(10), 128 * 1024 - 10),
    ],
    ['is zeroed at its end', (device: FileBlockDevice) => device.writeZeroes(96 * 1024, 32 * 1024)],
  ])('is not made as long again when it %s: a gap would read as zeros', async (_, change) => {
    const { path, device } = await cutOpen();
    await using _device = device;
    await expect(change(device)).rejects.toMatchObject(cut);
    expect((await stat(path)).size).toBe(64 * 1024);
    expect(() => device.assertWhole!()).toThrow(expect.objectContaining(cut));
  });

  it('takes no write at its end at once', async () => {
    const { device } = await cutOpen();
    await using _device = device;
    expect(device.writeNow!(pattern(10), 128 * 1024 - 10)).toBe(false);
    expect(device.writeNow!(pattern(10), 0)).toBe(true);
  });
});
