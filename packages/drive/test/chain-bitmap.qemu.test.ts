import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { openDrive, readChainBitmap } from '../src/index.ts';

const MIB = 2 ** 20;

describeWithQemu('a bitmap of an image behind a drive', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  const at = (name: string) => join(dir, name);
  const create = (name: string, size: string, base: string) =>
    run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', at(name), size);
  const add = (name: string, bitmap: string) =>
    run('qemu-img', 'bitmap', '--add', at(name), bitmap);

  beforeAll(async () => {
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', at('base.qcow2'), '4M');
    await add('base.qcow2', 'deep');
    await add('base.qcow2', 'both');
    await run('qemu-io', '-c', 'w -P 1 1M 64k', at('base.qcow2'));
    await create('middle.qcow2', '4M', 'base.qcow2');
    await add('middle.qcow2', 'both');
    await create('top.qcow2', '6M', 'middle.qcow2');
    await add('top.qcow2', 'own');
    await create('crashed.qcow2', '4M', 'base.qcow2');
    await add('crashed.qcow2', 'torn');
    const crash = `qemu-io -c 'w 0 64k' -c flush -c abort ${at('crashed.qcow2')} 2>&1; true`;
    await run('sh', '-c', crash);
    await create('over-crashed.qcow2', '4M', 'crashed.qcow2');
  });

  async function dirtyOf(name: string, bitmap: string) {
    const drive = await openDrive(at(name));
    await using _device = drive.device;
    const content = await readChainBitmap(drive, bitmap);
    if (content === undefined) return undefined;
    expect(content.diskSize).toBe(drive.device.size);
    const dirty = [...content.extents()].filter((extent) => extent.dirty);
    return dirty.map(({ offset, length }) => [offset, length]);
  }

  it('is that of the first image that has one, and dirty behind the end of that image', async () => {
    const grown = [4 * MIB, 2 * MIB];
    expect(await dirtyOf('top.qcow2', 'deep')).toEqual([[MIB, 65_536], grown]);
    expect(await dirtyOf('top.qcow2', 'both')).toEqual([grown]);
  });

  it('is none where no image behind the drive has one: its own do not count', async () => {
    expect(await dirtyOf('top.qcow2', 'own')).toBeUndefined();
    expect(await dirtyOf('base.qcow2', 'deep')).toBeUndefined();
  });

  it('is refused where it is inconsistent', async () => {
    await expect(dirtyOf('over-crashed.qcow2', 'torn')).rejects.toMatchObject({
      code: 'BITMAP_INCONSISTENT',
    });
  });
});
