import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { qemuBitmaps } from '../../../tools/qemu-bitmaps.ts';
import { openQcow2 } from '../src/index.ts';
import { bitmapOf, contentsOf, newDataFileImage, put, zerosOf } from './support/data-files.ts';
import { expectClean, expectSame, loadDevice, qemuContent, save } from './support/images.ts';
import { TestDevice } from './support/test-device.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

describeWithQemu('an image whose data is a raw file', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  let made = 0;

  async function make(size: number, clusterSize = 2 * MIB) {
    // QEMU looks for a relative name in the folder that it runs in.
    const raw = join(dir, `drive-${made++}.raw`);
    const content = new Uint8Array(size).map((_, i) => ((i >> 9) % 251) | 1);
    writeFileSync(raw, content);
    const path = `${raw}.qcow2`;
    const device = new TestDevice();
    await newDataFileImage(device, { size, name: raw, clusterSize });
    save(device, path);
    return { raw, path, content };
  }

  const io = (path: string, ...commands: string[]) =>
    run('qemu-io', '-d', 'unmap', '-f', 'qcow2', ...commands.flatMap((c) => ['-c', c]), path);

  it.each([
    [20 * MIB, 2 * MIB],
    [5 * MIB + 3 * 512, 2 * MIB],
    [512, 2 * MIB],
    [9 * MIB + 512, 64 * KIB],
    [40 * KIB, 512],
  ])('of %d bytes in clusters of %d is clean, and the same for QEMU', async (size, clusterSize) => {
    const { raw, path, content } = await make(size, clusterSize);
    await expectClean(path);
    expectSame(await qemuContent(path), content);
    expectSame(readFileSync(raw), content);
    const info: unknown = JSON.parse(await run('qemu-img', 'info', '--output=json', path));
    expect(info).toMatchObject({
      'virtual-size': size,
      'format-specific': { data: { 'data-file': expect.any(String), 'data-file-raw': true } },
    });
    expect(await zerosOf(loadDevice(path))).toEqual([]);
  });

  it('takes what QEMU writes to the same place, and its bitmap says where', async () => {
    const { raw, path, content } = await make(20 * MIB);
    await run('qemu-img', 'bitmap', '--add', '-g', '65536', path, 'a');
    await io(path, 'write -P 7 3M 100k', 'write -P 9 20479k 1k');
    content.fill(7, 3 * MIB, 3 * MIB + 100 * KIB).fill(9, 20 * MIB - KIB);
    expectSame(readFileSync(raw), content);
    const image = await openQcow2(loadDevice(path), { allowDataFile: true });
    const expected = bitmapOf(20 * MIB, [48, 49, 319]);
    expect(await contentsOf(image)).toEqual([{ name: 'a', content: expected }]);
  });

  it('keeps the promise that it is raw when bitmaps are put into it', async () => {
    const { raw, path, content } = await make(20 * MIB);
    const device = loadDevice(path);
    const image = await openQcow2(device, { writable: true, allowDataFile: true });
    await put(image.metadata, [{ name: 'ours', content: bitmapOf(20 * MIB, [1, 5]) }]);
    await image.close();
    save(device, path);
    await expectClean(path);
    expect(await qemuBitmaps(path)).toMatchObject([{ name: 'ours', flags: ['auto'] }]);
    expectSame(await qemuContent(path), content);
    expectSame(readFileSync(raw), content);
  });

  it('maps to the raw file again what QEMU has zeroed or thrown away', async () => {
    const { raw, path, content } = await make(21 * MIB);
    await io(path, 'write -z 2M 2M', 'write -z -u 4M 2M', 'discard 8M 4M', 'write -z 20M 1M');
    const device = loadDevice(path);
    expect(await zerosOf(device)).toEqual([
      { offset: 2 * MIB, length: 4 * MIB },
      { offset: 8 * MIB, length: 4 * MIB },
      { offset: 20 * MIB, length: MIB },
    ]);
    const image = await openQcow2(device, { writable: true, allowDataFile: true });
    await image.dataMap!.relink();
    await image.close();
    expect(await zerosOf(device)).toEqual([]);
    save(device, path);
    await expectClean(path);
    // What somebody now writes to the raw file is there for QEMU, too.
    writeFileSync(raw, content);
    expectSame(await qemuContent(path), content);
  });

  it('can be made of one that QEMU fills, and back, with its bitmaps', async () => {
    const { raw, path, content } = await make(20 * MIB);
    await run('qemu-img', 'bitmap', '--add', '-g', '65536', path, 'a');
    await io(path, 'write -P 7 3M 100k');
    content.fill(7, 3 * MIB, 3 * MIB + 100 * KIB);
    const bitmaps = [{ name: 'a', content: bitmapOf(20 * MIB, [48, 49]) }];
    for (const dataFile of [undefined, { name: join(dir, 'other.raw') }, undefined]) {
      const device = loadDevice(path);
      const image = await openQcow2(device, { writable: true, allowDataFile: true });
      const clusterSize = dataFile === undefined ? 64 * KIB : 2 * MIB;
      await image.replace({ clusterSize, dataFile }, (draft) => put(draft, bitmaps));
      await image.close();
      const again = await openQcow2(device, { allowDataFile: true });
      expect(again.dataMap?.dataFile).toEqual(dataFile && { ...dataFile, raw: true });
      expect(again.info.clusterSize).toBe(clusterSize);
      expect(await contentsOf(again)).toEqual(bitmaps);
      save(device, path);
      if (dataFile !== undefined) writeFileSync(dataFile.name, content);
      await expectClean(path);
      expect(await qemuBitmaps(path)).toMatchObject([{ name: 'a', granularity: 65_536 }]);
      if (dataFile !== undefined) expectSame(await qemuContent(path), content);
    }
    expectSame(readFileSync(raw), content);
  });

  it('is called otherwise after one write of its first sector', async () => {
    const { raw, path, content } = await make(3 * MIB);
    const device = loadDevice(path);
    const image = await openQcow2(device, { writable: true, allowDataFile: true });
    const name = join(dir, 'called-otherwise.raw');
    await image.dataMap!.rename(name);
    expect(image.dataMap!.dataFile).toEqual({ name, raw: true });
    await image.close();
    const writes = device.log.filter(({ op }) => op === 'write');
    expect(writes).toEqual([{ op: 'write', offset: 0, length: 512 }]);
    renameSync(raw, name);
    save(device, path);
    await expectClean(path);
    expectSame(await qemuContent(path), content);
  });
});
