import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { openDrive } from '../src/index.ts';
import { contentOf, expectSame } from './support/content.ts';

describeWithQemu('a backing chain', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  const images = join(dir, 'images');
  const base = join(images, 'base.qcow2');
  const started = process.cwd();

  beforeAll(async () => {
    mkdirSync(images);
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', base, '1M');
    await run('qemu-io', '-f', 'qcow2', '-c', 'write -P 0x11 0 512k', base);
  });
  afterEach(() => process.chdir(started));

  /** An image over `backing`, whether that is there or not, with one cluster of its own. */
  async function overlay(name: string, backing: string, format?: string): Promise<string> {
    const path = join(images, name);
    const file = await openFileDevice(path, { writable: true, create: 'exclusive' });
    await createQcow2(file, {
      size: 1048576,
      backing: { name: backing, ...(format && { format }) },
    });
    const image = await openQcow2(file, { writable: true, skipBacking: true });
    await image.write(Buffer.alloc(65536, 0x22), 65536);
    await image.close();
    return path;
  }

  /** As QEMU reads it, from the folder we are in. */
  async function expectReadAsQemu(path: string): Promise<void> {
    const raw = join(dir, 'converted.raw');
    await run('qemu-img', 'convert', '-O', 'raw', path, raw);
    const expected = readFileSync(raw);
    expect(expected[0]).not.toBe(0);
    const drive = await openDrive(path);
    expectSame(await contentOf(drive.device), expected);
    await drive.device.close();
  }

  it('is read through names relative to the overlay, wherever we are', async () => {
    const path = await overlay('relative.qcow2', 'base.qcow2', 'qcow2');
    process.chdir('/');
    await expectReadAsQemu(path);
  });

  it('is read through absolute names, and file: before one', async () => {
    await expectReadAsQemu(await overlay('absolute.qcow2', base, 'qcow2'));
    await expectReadAsQemu(await overlay('file-absolute.qcow2', `file:${base}`, 'qcow2'));
  });

  it('is read through file: and a relative name as QEMU does it: from the working directory', async () => {
    const path = await overlay('file-relative.qcow2', 'file:base.qcow2', 'qcow2');
    process.chdir(images);
    await expectReadAsQemu(path);
    process.chdir('/');
    await expect(openDrive(path)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it('is read through several images, a shorter one and a raw one among them', async () => {
    const raw = join(images, 'base.raw');
    await run('qemu-img', 'create', '-q', '-f', 'raw', raw, '300k');
    await run('qemu-io', '-f', 'raw', '-c', 'write -P 0x33 0 300k', raw);
    await overlay('one.qcow2', 'base.raw', 'raw');
    await overlay('two.qcow2', 'one.qcow2', 'qcow2');
    await expectReadAsQemu(await overlay('three.qcow2', 'two.qcow2', 'qcow2'));
  });

  it('has its formats found where it does not state them', async () => {
    await expectReadAsQemu(await overlay('probed.qcow2', 'base.qcow2'));
  });

  it('is not needed for work on bitmaps alone', async () => {
    const path = await overlay('orphan.qcow2', 'gone.qcow2', 'qcow2');
    const drive = await openDrive(path, { skipBacking: true, access: 'bitmaps' });
    expect(drive.image?.info.backing).toEqual({ name: 'gone.qcow2', format: 'qcow2' });
    await drive.device.close();
    await expect(openDrive(path)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining(`the backing file of '${path}' cannot be opened`),
      context: { where: join(images, 'gone.qcow2'), hint: expect.stringContaining('rebase') },
    });
  });

  it('that is a circle is refused, through a symbolic link too', async () => {
    const self = await overlay('self.qcow2', 'self.qcow2', 'qcow2');
    await expect(openDrive(self)).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
    await overlay('b.qcow2', 'alias.qcow2', 'qcow2');
    const a = await overlay('a.qcow2', 'b.qcow2', 'qcow2');
    symlinkSync('a.qcow2', join(images, 'alias.qcow2'));
    await expect(openDrive(a)).rejects.toMatchObject({
      code: 'IMAGE_CORRUPT',
      message: expect.stringContaining('is a circle'),
    });
  });

  it('of more images than anybody builds is refused before descriptors run out', async () => {
    for (let i = 0; i <= 201; i++) await overlay(`${i}.qcow2`, `${i + 1}.qcow2`, 'qcow2');
    await expect(openDrive(join(images, '0.qcow2'))).rejects.toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      message: 'chains of over 200 images are not supported',
    });
  });

  it.each(['nbd://localhost/x', 'json:{"driver":"null-co"}', 'http://example.org/x'])(
    'by protocol is refused: %s',
    async (name) => {
      const path = await overlay(`protocol-${name.length}.qcow2`, name, 'raw');
      await expect(openDrive(path)).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
    },
  );

  it('keeps those who write its images out while it is open', async () => {
    const path = await overlay('reader.qcow2', 'base.qcow2', 'qcow2');
    const drive = await openDrive(path);
    await expect(openDrive(base, { access: 'write' })).rejects.toMatchObject({ code: 'LOCKED' });
    await drive.device.close();
    const after = await openDrive(base, { access: 'write' });
    await after.device.close();
  });
});
