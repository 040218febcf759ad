import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { openImage } from './support/chains.ts';
import { loadDevice } from './support/images.ts';
import { convertToQcow2, qemuIo } from './support/qemu-images.ts';
import { mapLike, qemuMap } from './support/qemu-map.ts';

const KIB = 1024;

describeWithQemu('the layers of a disk', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();

  async function create(name: string, size: string, ...args: string[]): Promise<string> {
    const path = join(dir, name);
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', ...args, path, size);
    return path;
  }

  async function expectSameMap(path: string): Promise<void> {
    const image = await openImage(dir, loadDevice(path));
    expect(await mapLike(image.layerExtents(0, image.size))).toEqual(await qemuMap(path));
  }

  it('are those that QEMU tells, of a chain whose lower images are shorter', async () => {
    // No holes: a copy in memory knows nothing of those.
    writeFileSync(join(dir, 'base.raw'), new Uint8Array(300 * KIB).fill(1));
    await create('mid', '400k', '-b', join(dir, 'base.raw'), '-F', 'raw');
    await qemuIo(join(dir, 'mid'), 'write -P 2 0 64k', 'write -z -u 128k 64k');
    const top = await create('top', '600k', '-b', join(dir, 'mid'), '-F', 'qcow2');
    await expectSameMap(top);
    await qemuIo(top, 'write -P 3 200k 10k', 'write -P 2 512k 64k', 'write -z 512k 64k');
    await expectSameMap(top);
  });

  it('are those that QEMU tells, of compressed clusters among others', async () => {
    const content = new Uint8Array(500 * KIB).fill(1, 100 * KIB, 300 * KIB);
    const made = { dir, name: 'packed', content, options: 'cluster_size=4k', compress: true };
    const path = await convertToQcow2(made);
    await qemuIo(path, 'write -P 3 150k 10k', 'write -z -u 200k 10k', 'discard 220k 8k');
    await expectSameMap(path);
    const image = await openImage(dir, loadDevice(path));
    const compressed: number[] = [];
    for await (const extent of image.layerExtents(0, image.size)) {
      if (extent.compressed) compressed.push(extent.length);
    }
    expect(compressed).toEqual([48 * KIB, 40 * KIB, 8 * KIB, 72 * KIB]);
  });
});
