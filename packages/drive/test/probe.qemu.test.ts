import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { openDrive } from '../src/index.ts';

describeWithQemu('a drive whose format is not named', ['qemu-img'], () => {
  const dir = tempDir();

  it('is what its first bytes say', async () => {
    const qcow2 = join(dir, 'disk.img');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', qcow2, '1M');
    const empty = join(dir, 'empty.raw');
    writeFileSync(empty, '');
    for (const [path, format, size] of [
      [qcow2, 'qcow2', 1048576],
      [empty, 'raw', 0],
    ] as const) {
      const drive = await openDrive(path);
      expect({ format: drive.format, size: drive.device.size }).toEqual({ format, size });
      await drive.device.close();
    }
  });

  it.each([
    ['vmdk', 'VMDK'],
    ['vhdx', 'VHDX'],
    ['vpc', 'VHD'],
    ['vdi', 'VDI'],
    ['qed', 'QED'],
    ['parallels', 'Parallels'],
  ])('is not taken for a raw disk when it is a %s image', async (format, name) => {
    const path = join(dir, `disk.${format}`);
    await run('qemu-img', 'create', '-q', '-f', format, path, '4M');
    await expect(openDrive(path)).rejects.toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      message: `'${path}' is a ${name} image`,
    });
    const drive = await openDrive(path, { format: 'raw' });
    expect(drive.format).toBe('raw');
    await drive.device.close();
  });

  it('and that is named .qcow2 has to be one', async () => {
    const path = join(dir, 'smashed.qcow2');
    writeFileSync(path, Buffer.alloc(65536, 'x'));
    await expect(openDrive(path)).rejects.toMatchObject({ code: 'IMAGE_UNRECOGNIZED' });
    const other = join(dir, 'smashed.raw');
    copyFileSync(path, other);
    const drive = await openDrive(other);
    expect(drive.format).toBe('raw');
    await drive.device.close();
  });
});
