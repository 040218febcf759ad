import { join } from 'node:path';
import { DirtyBitmap } from '@tidemark/core';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { bitmapOf, newBitmaps, openBitmaps, put, remove, setInUse } from './support/bitmaps.ts';
import { expectClean, loadDevice, save } from './support/images.ts';
import { bitmapsInfo, dirtyMap, qemuIo } from './support/qemu-images.ts';
import { randomOf } from './support/workload.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const GEOMETRIES = [
  { clusterSize: 512, granularity: 512 },
  { clusterSize: 512, granularity: 64 * KIB },
  { clusterSize: 4 * KIB, granularity: 512 },
  { clusterSize: 64 * KIB, granularity: 64 * KIB },
  { clusterSize: 64 * KIB, granularity: 4 * MIB },
  { clusterSize: 2 * MIB, granularity: 512 },
];

/** Runs of dirty granules, with whole clusters of ones and of zeros where granules are small. */
function randomBitmap(size: number, granularity: number, seed: number): DirtyBitmap {
  const random = randomOf(seed);
  const content = new DirtyBitmap(size, granularity);
  for (let i = 0; i < 20; i++) {
    const offset = random(size);
    content.set(offset, 1 + random(Math.min(size - offset, i % 4 === 0 ? 8 * MIB : 100 * KIB)));
  }
  return content;
}

function extentsOf(content: DirtyBitmap): { offset: number; length: number }[] {
  return [...content.dirtyExtents()].map(({ offset, length }) => ({ offset, length }));
}

describeWithQemu('bitmaps in an image', ['qemu-img', 'qemu-io', 'qemu-nbd', 'nbdinfo'], () => {
  const dir = tempDir();

  it.each(GEOMETRIES)('that we write are the same for QEMU, bit by bit: %j', async (geometry) => {
    const { clusterSize, granularity } = geometry;
    const size = 20 * MIB + 512;
    const opened = await newBitmaps({ size, clusterSize });
    const names = ['döt "quoted"', 'n'.repeat(1023), 'plain'];
    const contents = names.map((_, i) => randomBitmap(size, granularity, i + clusterSize));
    for (const [i, name] of names.entries()) {
      await put(opened, name, contents[i]!, { enabled: i > 0 });
    }
    await opened.image.close();
    const path = join(dir, 'ours.qcow2');
    save(opened.device, path);
    await expectClean(path);
    expect(await bitmapsInfo(path)).toEqual(
      names.map((name, i) => ({ name, granularity, flags: i === 0 ? [] : ['auto'] })),
    );
    for (const [i, content] of contents.entries()) {
      expect(await dirtyMap(path, names[i]!)).toEqual(extentsOf(content));
    }
  });

  it.each(GEOMETRIES)('that QEMU wrote are the same for us, bit by bit: %j', async (geometry) => {
    const { clusterSize, granularity } = geometry;
    const path = join(dir, 'theirs.qcow2');
    const options = ['-q', '-f', 'qcow2', '-o', `cluster_size=${clusterSize}`];
    await run('qemu-img', 'create', ...options, path, '20M');
    await run('qemu-img', 'bitmap', '--add', '-g', String(granularity), path, 'a');
    await qemuIo(path, 'write 3k 1k', 'write 5M 6M', 'discard 15M 1M', 'write -z 18M 100k');
    await run('qemu-img', 'bitmap', '--add', '-g', String(granularity), path, 'b');
    await run('qemu-img', 'bitmap', '--disable', path, 'a');
    await qemuIo(path, `write ${20 * MIB - 512} 512`);

    const { directory } = await openBitmaps(loadDevice(path).bytes, { writable: false });
    const records = directory.records.map(({ name, enabled, inUse }) => ({ name, enabled, inUse }));
    expect(records.sort((a, b) => a.name.localeCompare(b.name))).toEqual([
      { name: 'a', enabled: false, inUse: false },
      { name: 'b', enabled: true, inUse: false },
    ]);
    for (const name of ['a', 'b']) {
      const content = await directory.readContent(name);
      expect(content.granularity).toBe(granularity);
      expect(extentsOf(content)).toEqual(await dirtyMap(path, name));
      expect(content.count).toBeGreaterThan(0);
    }
  });

  it('go back and forth between QEMU and us', async () => {
    const path = join(dir, 'both.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', path, '8M');
    await run('qemu-img', 'bitmap', '--add', path, 'theirs');
    const model = new DirtyBitmap(8 * MIB, 64 * KIB);
    for (let round = 0; round < 6; round++) {
      const device = loadDevice(path);
      const opened = await openBitmaps(device.bytes);
      const content = await opened.directory.readContent('theirs');
      expect(extentsOf(content)).toEqual(extentsOf(model));
      content.set(round * MIB, 1);
      model.set(round * MIB, 1);
      await put(opened, 'theirs', content);
      if (round % 2 === 0) await put(opened, 'ours', content, { enabled: false });
      else await remove(opened, 'ours');
      await opened.image.close();
      save(opened.device, path);
      await expectClean(path);
      expect(await dirtyMap(path, 'theirs')).toEqual(extentsOf(model));
      await qemuIo(path, `write ${round * MIB + 512 * KIB} 1k`);
      model.set(round * MIB + 512 * KIB, KIB);
    }
    await run('qemu-img', 'bitmap', '--remove', path, 'theirs');
    await expectClean(path);
    const { image } = await openBitmaps(loadDevice(path).bytes, { writable: false });
    expect(image.info.bitmapCount).toBe(0);
  });

  it('in use by us are inconsistent for QEMU, which keeps them until removed', async () => {
    const opened = await newBitmaps({ size: MIB });
    await put(opened, 'crashed', bitmapOf(MIB, { dirty: [[0, 1]] }));
    await put(opened, 'sound', bitmapOf(MIB, { dirty: [[0, 1]] }));
    await setInUse(opened, 'crashed');
    await opened.image.close();
    const path = join(dir, 'in-use.qcow2');
    save(opened.device, path);
    await qemuIo(path, 'write 512k 1k');
    expect(await bitmapsInfo(path)).toContainEqual({
      name: 'crashed',
      granularity: 65_536,
      flags: ['in-use', 'auto'],
    });
    await run('qemu-img', 'bitmap', '--remove', path, 'crashed');
    await expectClean(path);
    expect(await dirtyMap(path, 'sound')).toEqual([
      { offset: 0, length: 64 * KIB },
      { offset: 512 * KIB, length: 64 * KIB },
    ]);
  });

  it('in use by a QEMU that was killed are told, and can be removed', async () => {
    const path = join(dir, 'killed.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', path, '1M');
    await run('qemu-img', 'bitmap', '--add', path, 'lost');
    await run('sh', '-c', `qemu-io -c 'write 0 1k' -c abort ${path} >/dev/null 2>&1 || true`);
    const opened = await openBitmaps(loadDevice(path).bytes);
    expect(opened.directory.records).toMatchObject([{ name: 'lost', inUse: true }]);
    await expect(opened.directory.readContent('lost')).rejects.toThrow(RangeError);
    await remove(opened, 'lost');
    await opened.image.close();
    expect(opened.notices).toEqual([]);
    save(opened.device, path);
    await expectClean(path);
  });

  it('are forgotten when a program that knows no bitmaps has written to the image', async () => {
    const opened = await newBitmaps({ size: MIB });
    await put(opened, 'old', bitmapOf(MIB));
    await opened.image.close();
    new DataView(opened.device.bytes.buffer).setBigUint64(88, 0n);
    const again = await openBitmaps(opened.device.bytes);
    expect(again.image.info).toMatchObject({ bitmapsLost: true, bitmapCount: 0 });
    expect(again.notices).toEqual([expect.stringContaining('its bitmaps are ignored')]);
    await put(again, 'new', bitmapOf(MIB));
    await again.image.close();
    const path = join(dir, 'lost.qcow2');
    save(again.device, path);
    expect(await bitmapsInfo(path)).toEqual([
      { name: 'new', granularity: 65_536, flags: ['auto'] },
    ]);
    await run('qemu-img', 'check', '-q', '-r', 'leaks', path);
    await expectClean(path);
  });

  it('have the layout of the reference sample, byte for byte', async () => {
    const path = join(dir, 'sample.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'cluster_size=4096', path, '1M');
    await run('qemu-img', 'bitmap', '--add', '-g', '4096', path, 'alpha');
    await run('qemu-img', 'bitmap', '--add', '-g', '32768', '--disable', path, 'beta');
    await qemuIo(path, 'write -P 0xcd 0 4k', 'write -P 0xcd 80k 12k', 'write -P 0xcd 1020k 1k');
    const theirs = await openBitmaps(loadDevice(path).bytes, { writable: false });
    const ours = await newBitmaps({ size: MIB, clusterSize: 4096 });
    for (const { name, enabled, bytes } of theirs.directory.records) {
      const content = await theirs.directory.readContent(name);
      await put(ours, name, content, { enabled });
      const record = ours.directory.records.find((found) => found.name === name)!;
      // All but the place of the table.
      expect(record.bytes.subarray(8)).toEqual(bytes.subarray(8));
      expect(await tableAndData(ours, name)).toEqual(await tableAndData(theirs, name));
    }
    const alpha = await theirs.directory.readContent('alpha');
    expect(alpha.sha256()).toBe('37f043c96e295f4cb497c11390ef3a403ddc247865e6ce2d89caffc988c00754');
  });
});

/** Which table entries have data, and the data of the first of them. */
async function tableAndData(
  { image, directory }: Awaited<ReturnType<typeof openBitmaps>>,
  name: string,
) {
  const { tableOffset, tableSize } = directory.records.find((record) => record.name === name)!;
  const { clusterSize } = image.info;
  const table = new Uint8Array(clusterSize);
  await image.metadata.readHost(table, tableOffset);
  const entries = Array.from({ length: clusterSize / 8 }, (_, i) =>
    new DataView(table.buffer).getBigUint64(i * 8),
  );
  const data = new Uint8Array(clusterSize);
  if (entries[0]! > 1n) await image.metadata.readHost(data, Number(entries[0]));
  return { tableSize, entries: entries.map((entry) => (entry > 1n ? 'data' : entry)), data };
}
