import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { type CreateQcow2Options, openQcow2, type Qcow2Image } from '../src/index.ts';
import { compressible } from './support/compressible.ts';
import {
  expectClean,
  expectSame,
  loadDevice,
  newImage,
  qemuContent,
  readAll,
  save,
} from './support/images.ts';
import { convertToQcow2 } from './support/qemu-images.ts';
import { randomOf } from './support/workload.ts';

const KIB = 1024;

/** Each cluster on its own, several at a time. */
async function writeAll(image: Qcow2Image, content: Uint8Array): Promise<void> {
  const { clusterSize } = image.info;
  for (let at = 0; at < content.length;) {
    const some: Promise<void>[] = [];
    for (; some.length < 4 && at < content.length; at += clusterSize) {
      some.push(image.writeCompressed(content.subarray(at, at + clusterSize), at));
    }
    await Promise.all(some);
  }
}

async function imageEnd(path: string): Promise<number> {
  const report: unknown = JSON.parse(await run('qemu-img', 'check', '--output=json', path));
  return Number(Object(report)['image-end-offset']);
}

const KINDS: [Omit<CreateQcow2Options, 'size'>, options: string][] = [
  [{ clusterSize: 512 }, 'cluster_size=512'],
  [{ clusterSize: 4 * KIB, refcountBits: 1 }, 'cluster_size=4k,refcount_bits=1'],
  [{ clusterSize: 4 * KIB, refcountBits: 2 }, 'cluster_size=4k,refcount_bits=2'],
  [{ clusterSize: 16 * KIB, refcountBits: 64 }, 'cluster_size=16k,refcount_bits=64'],
  [{ version: 2 }, 'compat=0.10'],
  [{ extendedL2: true, clusterSize: 32 * KIB }, 'cluster_size=32k,extended_l2=on'],
  [{ compressionType: 'zstd' }, 'compression_type=zstd'],
  [{ clusterSize: 2048 * KIB }, 'cluster_size=2M'],
];

describeWithQemu('compressed clusters that we write', ['qemu-img'], () => {
  const dir = tempDir();

  it.each(KINDS)(
    'are read by QEMU, and take no more room than its own: %j',
    async (kind, options) => {
      const size = Math.max(900 * KIB, 3 * (kind.clusterSize ?? 0)) + 700;
      const content = compressible(Math.ceil(size / 512) * 512, 5, 20);
      // Nothing can be saved here.
      content.set(compressible(130 * KIB, 6, 100), 300 * KIB);
      const { device, image } = await newImage({ ...kind, size });
      await writeAll(image, content);
      expectSame(await readAll(image), content);
      let packed = 0;
      for await (const { compressed, length } of image.layerExtents(0, image.size)) {
        if (compressed) packed += length;
      }
      expect(packed).toBeGreaterThan(size / 2);
      const { clusterSize } = image.info;
      await image.close();
      const path = join(dir, 'ours');
      save(device, path);
      await expectClean(path);
      expectSame(await qemuContent(path), content);
      const theirs = await convertToQcow2({
        dir,
        name: 'theirs',
        content,
        options,
        compress: true,
      });
      // In which order clusters are packed is chance, in both: it may take one more.
      const atMost = (await imageEnd(theirs)) * 1.03 + clusterSize;
      expect(await imageEnd(path)).toBeLessThanOrEqual(atMost);
    },
  );

  it.each(KINDS)('are replaced, one by another and by plain ones: %j', async (kind) => {
    const clusterSize = kind.clusterSize ?? 64 * KIB;
    const clusters = clusterSize > 64 * KIB ? 4 : 30;
    const { device, image } = await newImage({ ...kind, size: clusters * clusterSize });
    const content = new Uint8Array(image.size);
    const random = randomOf(9);
    for (let step = 0; step < 6 * clusters; step++) {
      const at = random(clusters) * clusterSize;
      const bytes = compressible(clusterSize, step, [0, 30, 80][random(3)]!);
      const part = random(4) === 0 ? bytes.subarray(0, 1 + random(clusterSize)) : bytes;
      if (part === bytes) await image.writeCompressed(bytes, at);
      else await image.write(part, at);
      content.set(part, at);
      if (random(5) === 0) {
        const zeros = random(clusters) * clusterSize;
        await image.writeZeroes(zeros, clusterSize);
        content.fill(0, zeros, zeros + clusterSize);
      }
      if (random(7) === 0) await image.flush();
    }
    expectSame(await readAll(image), content);
    await image.close();
    const path = join(dir, 'replaced');
    save(device, path);
    await expectClean(path);
    expectSame(await qemuContent(path), content);
  });

  it('leave those alone that a snapshot shares with them', async () => {
    const content = compressible(400 * KIB, 1, 30);
    const made = { dir, name: 'snapshot', content, options: 'cluster_size=8k', compress: true };
    const path = await convertToQcow2(made);
    await run('qemu-img', 'snapshot', '-c', 'first', path);
    const device = loadDevice(path);
    const image = await openQcow2(device, { writable: true });
    const next = compressible(200 * KIB, 2, 30);
    await writeAll(image, next);
    await image.close();
    save(device, path);
    await expectClean(path);
    const now = content.slice();
    now.set(next);
    expectSame(await qemuContent(path), now);
    await run('qemu-img', 'snapshot', '-a', 'first', path);
    await expectClean(path);
    expectSame(await qemuContent(path), content);
  });

  it('are whole clusters, or the last part of the disk', async () => {
    const { image } = await newImage({ size: 10 * KIB, clusterSize: 4 * KIB });
    await image.writeCompressed(new Uint8Array(2 * KIB).fill(1), 8 * KIB);
    const part = image.writeCompressed(new Uint8Array(2 * KIB), 0);
    await expect(part).rejects.toThrow(RangeError);
    const inside = image.writeCompressed(new Uint8Array(4 * KIB), 2 * KIB);
    await expect(inside).rejects.toThrow(RangeError);
  });
});
