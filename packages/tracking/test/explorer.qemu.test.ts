import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { afterAll, expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { explore } from './explorer/explorer.ts';
import { BACKING, imageSetting } from './explorer/image-setting.ts';
import { layAsQemuDoes } from './explorer/qemu-header.ts';
import { QemuJudge } from './explorer/qemu-judge.ts';
import { GRANULE, GRANULES, unclosed } from './explorer/setting.ts';
import { sidecarSetting } from './explorer/sidecar-setting.ts';

const SIZE = GRANULES * GRANULE;

describeWithQemu('crash states to QEMU', ['qemu-img', 'qemu-storage-daemon'], () => {
  const judge = new QemuJudge({ every: 17, checks: 150, sums: 50, backing: BACKING });
  afterAll(() => judge.remove());

  it.each([
    ['a qcow2 image', imageSetting],
    ['a raw drive with a sidecar', sidecarSetting],
  ])('are sound, and have the bits that we read (%s)', async (_name, setting) => {
    for (let seed = 1; seed <= 12; seed++) {
      const { problems } = await explore({
        ...{ seed, steps: 120, cuts: 40, setting },
        judge: (file) => judge.see(unclosed(file), () => file.sectors.bytes()),
      });
      expect(problems).toEqual([]);
    }
    expect(await judge.ask()).toEqual([]);
    const { images, sums } = judge.checked;
    expect(Math.min(images, sums)).toBeGreaterThan(30);
  });
});

describeWithQemu('the header that the explorer calls that of QEMU', ['qemu-img'], () => {
  const dir = tempDir();

  it.each([512, 4096, 8192])('is what QEMU writes, in clusters of %d', async (clusterSize) => {
    const path = join(dir, `${clusterSize}.qcow2`);
    writeFileSync(join(dir, 'base.raw'), new Uint8Array(SIZE));
    const memory = new MemoryDevice({ size: 0 });
    const backing = { name: 'base.raw', format: 'raw' };
    await createQcow2(memory, { size: SIZE, clusterSize, backing });
    const image = await openQcow2(unclosed(memory), { writable: true, skipBacking: true });
    const store = await openQcow2Store(image);
    const content = new DirtyBitmap(SIZE, GRANULE);
    await store.commit([{ op: 'create', name: 'a', enabled: true, content }]);
    await store.close();
    await image.close();
    writeFileSync(path, await bytesOf(memory));

    await run('qemu-img', 'bitmap', '--disable', path, 'a');
    const written = new Uint8Array(readFileSync(path));
    const device = new MemoryDevice({ size: written.length });
    await device.write(written, 0);
    const laid = (await layAsQemuDoes(device))!;
    // Names of features are told by their type and length only.
    const names = 112 + 16;
    if (clusterSize > 4096) written.fill(0, names + 8, names + 8 + 8 * 48);
    expect(Buffer.from(laid)).toEqual(Buffer.from(written.subarray(0, clusterSize)));
    expect(new TextDecoder().decode(laid)).toContain(backing.name);
  });
});

async function bytesOf(device: MemoryDevice): Promise<Uint8Array> {
  const bytes = new Uint8Array(device.size);
  await device.read(bytes, 0);
  return bytes;
}
