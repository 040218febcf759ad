import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { BitmapDirectory, type Qcow2Image } from '../src/index.ts';
import { bitmapOf, put } from './support/bitmaps.ts';
import { openImage } from './support/chains.ts';
import {
  expectClean,
  expectSame,
  loadDevice,
  newImage,
  qemuContent,
  readAll,
  save,
} from './support/images.ts';
import { bitmapsInfo, convertToQcow2, dirtyMap, qemuIo } from './support/qemu-images.ts';
import { qemuMap } from './support/qemu-map.ts';
import { randomOf, runWorkload } from './support/workload.ts';

const KIB = 1024;
const SIZE = 700 * KIB + 512;

type Op = readonly ['write' | 'zero', offset: number, length: number, value: number];

describeWithQemu('an image with extended L2 entries', ['qemu-img', 'qemu-io', 'nbdinfo'], () => {
  const dir = tempDir();
  let made = 0;

  async function overlay(clusterSize: number): Promise<string> {
    const base = join(dir, `base${made}`);
    writeFileSync(base, new Uint8Array(500 * KIB).fill(200));
    const path = join(dir, `overlay${made++}`);
    const options = `extended_l2=on,cluster_size=${clusterSize}`;
    const backing = ['-b', base, '-F', 'raw'];
    await run(
      'qemu-img',
      'create',
      '-q',
      '-f',
      'qcow2',
      '-o',
      options,
      ...backing,
      path,
      `${SIZE}`,
    );
    return path;
  }

  /** Many small and some large changes, whose ends are in the middle of subclusters or not. */
  function operations(seed: number): Op[] {
    const random = randomOf(seed);
    return Array.from({ length: 60 }, () => {
      const unit = [1, 512, 2048, 65_536][random(4)]!;
      const offset = unit * random(Math.floor(SIZE / unit));
      const length = Math.min(SIZE - offset, unit * (1 + random(unit > 512 ? 3 : 9000)), 200 * KIB);
      return [random(4) === 0 ? 'zero' : 'write', offset, length, 1 + random(255)];
    });
  }

  function model(ops: readonly Op[]): Uint8Array {
    const content = new Uint8Array(SIZE).fill(200, 0, 500 * KIB);
    for (const [op, offset, length, value] of ops) {
      content.fill(op === 'zero' ? 0 : value, offset, offset + length);
    }
    return content;
  }

  async function apply(image: Qcow2Image, ops: readonly Op[]): Promise<void> {
    for (const [op, offset, length, value] of ops) {
      if (op === 'zero') await image.writeZeroes(offset, length, { unmap: false });
      else await image.write(new Uint8Array(length).fill(value), offset);
    }
  }

  it.each([16, 32, 64, 256, 2048])('of %i KiB clusters is clean for QEMU', async (kib) => {
    const { device, image } = await newImage({
      size: SIZE,
      clusterSize: kib * KIB,
      extendedL2: true,
    });
    expect(image.info).toMatchObject({ extendedL2: true, clusterSize: kib * KIB });
    const content = new Uint8Array(image.size);
    const longest = kib > 256 ? 100 * KIB : 40 * KIB;
    const workload = { seed: kib, steps: 80, model: content, longest };
    await runWorkload(image, workload);
    await image.discard(100 * KIB, 300 * KIB);
    await image.close();
    const path = join(dir, `own${kib}`);
    save(device, path);
    await expectClean(path);
    // Discarded parts are zeros here, since nothing stands behind them.
    const unit = (kib * KIB) / 32;
    content.fill(0, Math.ceil((100 * KIB) / unit) * unit, Math.floor((400 * KIB) / unit) * unit);
    expectSame(await qemuContent(path), content);
  });

  it.each([16, 64])('of %i KiB clusters has the parts that QEMU would write', async (kib) => {
    const path = await overlay(kib * KIB);
    const ops = operations(kib);
    const ours = loadDevice(path);
    for (const [op, offset, length, value] of ops) {
      const how = op === 'zero' ? 'write -z' : `write -P ${value}`;
      await qemuIo(path, `${how} ${offset} ${length}`);
    }
    expectSame(await readAll(await openImage(dir, loadDevice(path))), model(ops));

    const image = await openImage(dir, ours, { writable: true });
    await apply(image, ops);
    await image.close();
    const copy = `${path}.ours`;
    save(ours, copy);
    await expectClean(copy);
    expectSame(await qemuContent(copy), model(ops));
    const kinds = async (name: string) =>
      (await qemuMap(name)).map(({ start, length, depth, zero }) => [start, length, depth, zero]);
    expect(merged(await kinds(copy))).toEqual(merged(await kinds(path)));
  });

  it('goes on where QEMU has left off, and back', async () => {
    const path = await overlay(32 * KIB);
    const content = model([]);
    for (let round = 0; round < 3; round++) {
      const at = 100 * KIB * round + 700;
      await qemuIo(path, `write -P 9 ${at} 5000`, `write -z ${at + 9000} 9k`, `write -z 600k 3k`);
      content.fill(9, at, at + 5000).fill(0, at + 9000, at + 9000 + 9 * KIB);
      content.fill(0, 600 * KIB, 603 * KIB);
      const device = loadDevice(path);
      const image = await openImage(dir, device, { writable: true });
      const workload = { seed: round, steps: 40, model: content, longest: 20 * KIB };
      await runWorkload(image, workload);
      await image.close();
      save(device, path);
      await expectClean(path);
      expectSame(await qemuContent(path), content);
    }
  });

  it('keeps what a snapshot shares, part by part', async () => {
    const path = await overlay(64 * KIB);
    await qemuIo(path, 'write -P 3 3k 9k', 'write -z 70k 9k', 'write -P 4 300k 64k');
    const before = model([
      ['write', 3 * KIB, 9 * KIB, 3],
      ['zero', 70 * KIB, 9 * KIB, 0],
    ]);
    before.fill(4, 300 * KIB, 364 * KIB);
    await run('qemu-img', 'snapshot', '-c', 'first', path);
    const device = loadDevice(path);
    const image = await openImage(dir, device, { writable: true });
    const now = before.slice();
    await image.write(new Uint8Array(KIB).fill(7), 5 * KIB);
    now.fill(7, 5 * KIB, 6 * KIB);
    // What it does not touch still shows the backing file.
    const kinds: unknown[] = [];
    for await (const { offset, length, depth } of image.layerExtents(0, 64 * KIB)) {
      kinds.push([offset, length, depth]);
    }
    expect(kinds).toEqual([
      [0, 2 * KIB, 1],
      [2 * KIB, 10 * KIB, 0],
      [12 * KIB, 52 * KIB, 1],
    ]);
    await runWorkload(image, { seed: 5, steps: 50, model: now, longest: 30 * KIB });
    await image.close();
    save(device, path);
    await expectClean(path);
    expectSame(await qemuContent(path), now);
    await run('qemu-img', 'snapshot', '-a', 'first', path);
    await expectClean(path);
    expectSame(await qemuContent(path), before);
  });

  it('loses compressed clusters as a whole, when a part of one is written or zeroed', async () => {
    const content = Uint8Array.from({ length: SIZE }, (_, i) => (i >> 9) % 7);
    const options = 'extended_l2=on,cluster_size=32k';
    const path = await convertToQcow2({ dir, name: 'packed', content, options, compress: true });
    const device = loadDevice(path);
    const image = await openImage(dir, device, { writable: true });
    expectSame(await readAll(image), content);
    await image.writeZeroes(33 * KIB, 5 * KIB);
    await image.write(new Uint8Array(700).fill(9), 100 * KIB + 3);
    await image.discard(200 * KIB, 33 * KIB);
    content.fill(0, 33 * KIB, 38 * KIB).fill(9, 100 * KIB + 3, 100 * KIB + 703);
    // Part of a compressed cluster is not discarded.
    expectSame(await readAll(image), content);
    await runWorkload(image, { seed: 6, steps: 40, model: content, longest: 40 * KIB });
    await image.close();
    save(device, path);
    await expectClean(path);
    expectSame(await qemuContent(path), content);
  });

  it('holds bitmaps that QEMU reads and goes on with', async () => {
    const path = await overlay(16 * KIB);
    const device = loadDevice(path);
    const image = await openImage(dir, device, { writable: true });
    const directory = await BitmapDirectory.open({ image: image.metadata });
    const content = bitmapOf(SIZE, { granularity: 4096, dirty: [[8192, 5000]] });
    await put({ directory }, 'monday', content);
    await image.write(new Uint8Array(100).fill(1), 9000);
    await image.close();
    save(device, path);
    await expectClean(path);
    expect(await bitmapsInfo(path)).toMatchObject([{ name: 'monday', granularity: 4096 }]);
    await qemuIo(path, 'write -P 3 100k 4k');
    expect(await dirtyMap(path, 'monday')).toEqual([
      { offset: 8192, length: 8192 },
      { offset: 100 * KIB, length: 4096 },
    ]);
    const again = await openImage(dir, loadDevice(path));
    const read = await BitmapDirectory.open({ image: again.metadata });
    expect((await read.readContent('monday')).dirtyBytes).toBe(3 * 4096);
  });
});

/** Neighbours of one depth and kind are one. */
function merged(extents: readonly (readonly [...unknown[]])[]): unknown[] {
  const result: unknown[][] = [];
  for (const [start, length, ...kind] of extents) {
    const last = result.at(-1);
    if (last !== undefined && JSON.stringify(last.slice(2)) === JSON.stringify(kind)) {
      last[1] = Number(last[1]) + Number(length);
    } else result.push([start, length, ...kind]);
  }
  return result;
}
