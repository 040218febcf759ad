import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { openDrive, openDriveBitmaps } from '../src/index.ts';

const SECRET = ['--object', 'secret,id=s,data=0123456789abcdef'] as const;

describeWithQemu('an encrypted image', ['qemu-img'], () => {
  const dir = tempDir();

  it('shows its bitmaps, and is neither read nor written', async () => {
    const path = join(dir, 'aes.qcow2');
    const options = 'encrypt.format=aes,encrypt.key-secret=s';
    await run('qemu-img', 'create', '-q', ...SECRET, '-f', 'qcow2', '-o', options, path, '1M');
    const image = `driver=qcow2,encrypt.format=aes,encrypt.key-secret=s,file.filename=${path}`;
    const add = ['bitmap', '--add', ...SECRET, '--image-opts', image, 'a'];
    await run('qemu-img', ...add);
    const before = readFileSync(path);
    const drive = await openDrive(path, { skipBacking: true });
    const { store } = await openDriveBitmaps(drive);
    expect(await store!.list()).toMatchObject([{ name: 'a', state: 'stored' }]);
    expect((await store!.load('a')).dirtyBytes).toBe(0);
    await expect(drive.device.read(new Uint8Array(512), 0)).rejects.toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
    });
    await store!.close();
    await drive.device.close();
    for (const access of ['read', 'bitmaps', 'write'] as const) {
      const skipBacking = access !== 'read';
      await expect(openDrive(path, { access, skipBacking })).rejects.toMatchObject({
        code: 'IMAGE_UNSUPPORTED',
        message: expect.stringContaining('encrypted'),
      });
    }
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});
