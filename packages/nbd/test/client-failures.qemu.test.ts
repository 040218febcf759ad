import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { connectNbd } from '@tidemark/nbd';
import { expect, it } from 'vitest';
import { describeWithQemu, tempDir } from '../../../tools/qemu.ts';
import { expectSame, extentsOf, pattern, readBytes } from '../../../tools/device/bytes.ts';
import { rawDisk, startNbdkit, startQemuNbd } from './support/client-servers.ts';

describeWithQemu('errors that nbdkit injects', ['nbdkit'], () => {
  const dir = tempDir();

  it.each([
    ['EPERM', 'DEVICE_READ_ONLY'],
    ['EIO', 'IO_FAILED'],
    ['ENOMEM', 'IO_FAILED'],
    ['EINVAL', 'IO_FAILED'],
    ['ENOSPC', 'NO_SPACE'],
    ['ESHUTDOWN', 'CONNECTION_LOST'],
  ])('as %s fail each kind of call with %s, and the next succeeds', async (error, code) => {
    const trigger = join(dir, `fail-${error}`);
    const parameters = [`error=${error}`, 'error-rate=100%', `error-file=${trigger}`];
    await using server = await startNbdkit(dir, '--filter=error', 'memory', '1M', ...parameters);
    await using device = await connectNbd(server.uri);
    await device.write(pattern(5000), 100);
    await writeFile(trigger, '');
    const failed = { code, context: { where: device.label } };
    await expect(device.read(new Uint8Array(512), 0)).rejects.toMatchObject(failed);
    await expect(device.write(new Uint8Array(512), 0)).rejects.toMatchObject(failed);
    await expect(device.writeZeroes(0, 512)).rejects.toMatchObject(failed);
    await expect(device.discard(0, 512)).rejects.toMatchObject(failed);
    await expect(extentsOf(device)).rejects.toMatchObject(failed);
    await rm(trigger);
    expectSame(await readBytes(device, 100, 5000), pattern(5000));
  });

  it('in some pieces of a read fail it once, when no piece is under way', async () => {
    const sizes = ['blocksize-maximum=4K', 'error-pread-rate=20%'];
    const filters = ['--filter=blocksize-policy', '--filter=error'];
    await using server = await startNbdkit(dir, ...filters, 'memory', '4M', ...sizes);
    await using device = await connectNbd(server.uri);
    const target = new Uint8Array(4 * 1024 * 1024).fill(7);
    await expect(device.read(target, 0)).rejects.toMatchObject({ code: 'IO_FAILED' });
    target.fill(9);
    await device.flush();
    expectSame(target, new Uint8Array(target.length).fill(9));
  });
});

describeWithQemu('an error of a disk behind qemu-nbd', ['qemu-nbd'], () => {
  it('comes through with the number that the disk gave', async () => {
    const dir = tempDir();
    const path = await rawDisk(dir, 1024 * 1024);
    const fault = 'file.inject-error.0.event=none,file.inject-error.0.iotype=write';
    const debug = `file.driver=blkdebug,file.image.driver=file,file.image.filename=${path}`;
    const image = `driver=raw,${debug},${fault},file.inject-error.0.errno=28`;
    await using server = await startQemuNbd(dir, '--image-opts', image);
    await using device = await connectNbd(server.uri);
    await expect(device.write(pattern(512), 0)).rejects.toMatchObject({
      code: 'NO_SPACE',
      message: expect.stringContaining(
        'the server could not write 512 bytes at 0: writing to file failed',
      ),
    });
    expectSame(await readBytes(device), new Uint8Array(device.size));
  });
});

describeWithQemu('a connection to a server that dies', ['nbdkit'], () => {
  const dir = tempDir();
  const slow = () =>
    startNbdkit(dir, '--filter=delay', 'memory', '1M', 'delay-read=600', 'delay-write=0');

  it('fails all calls under way, and later ones at once, for one reason', async () => {
    await using server = await slow();
    await using device = await connectNbd(server.uri);
    await device.flush();
    const calls = Array.from({ length: 40 }, (_, index) => device.read(new Uint8Array(99), index));
    const outcomes = Promise.allSettled(calls);
    await server.stop('SIGKILL');
    const reasons = new Set(
      (await outcomes).map((outcome) => (outcome.status === 'rejected' ? outcome.reason : 'none')),
    );
    expect([...reasons]).toMatchObject([
      { code: 'CONNECTION_LOST', context: { where: device.label, hint: expect.any(String) } },
    ]);
    await expect(device.flush()).rejects.toBe([...reasons][0]);
    await device.close();
  });

  it('fails its close when it took writes with it and no call has told so', async () => {
    await using server = await slow();
    const device = await connectNbd(server.uri);
    await device.write(pattern(512), 0);
    await server.stop('SIGKILL');
    await expect(device.close()).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    await expect(device.close()).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });

  it('ends quietly by a close when a call under way has told so', async () => {
    await using server = await slow();
    await using device = await connectNbd(server.uri);
    await device.write(pattern(512), 0);
    const read = device.read(new Uint8Array(1), 0);
    const [outcome] = await Promise.allSettled([read, server.stop('SIGKILL')]);
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CONNECTION_LOST' } });
    await device.close();
  });

  it('ends quietly by a close when a later call has told so', async () => {
    await using server = await slow();
    await using device = await connectNbd(server.uri);
    await device.write(pattern(512), 0);
    await server.stop('SIGKILL');
    const isUsable = () =>
      device.read(new Uint8Array(0), 0).then(
        () => true,
        () => false,
      );
    while (await isUsable()) await setImmediate();
    await expect(device.close()).resolves.toBeUndefined();
  });

  it('ends quietly by a close when nothing was written, or all was flushed', async () => {
    await using server = await slow();
    const reader = await connectNbd(server.uri);
    const writer = await connectNbd(server.uri);
    await writer.write(pattern(512), 0);
    await writer.flush();
    await server.stop('SIGKILL');
    await reader.close();
    await writer.close();
    await expect(reader.flush()).rejects.toMatchObject({ code: 'DEVICE_CLOSED' });
  });
});

describeWithQemu('a server that does not take us', ['nbdkit'], () => {
  it('because it does not negotiate, and has no names, is refused by name', async () => {
    await using server = await startNbdkit(tempDir(), '--oldstyle', 'memory', '1M');
    const named = server.uri.replace('///', '///a');
    await expect(connectNbd(named)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining('old style'),
    });
  });

  it('because it wants TLS is refused by name', async () => {
    const dir = tempDir();
    const keys = join(dir, 'keys.psk');
    await writeFile(keys, 'user:000102030405060708090a0b0c0d0e0f\n');
    await using server = await startNbdkit(
      dir,
      '--tls=require',
      `--tls-psk=${keys}`,
      'memory',
      '1M',
    );
    await expect(connectNbd(server.uri)).rejects.toMatchObject({
      code: 'DEVICE_UNSUPPORTED',
      message: expect.stringContaining('the server wants TLS'),
    });
  });
});
