import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { createQcow2, type CreateQcow2Options, openQcow2 } from '../src/index.ts';
import { expectClean, expectSame, newImage, qemuContent, save } from './support/images.ts';
import { TestDevice } from './support/test-device.ts';
import { runWorkload } from './support/workload.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const NARROW_AND_WIDE = [1, 2, 4, 8, 32, 64];

/** Every cluster size, with version 2, 16 bits, and two of the other widths. */
function* kinds(): Generator<Omit<CreateQcow2Options, 'size'>> {
  for (let bits = 9; bits <= 21; bits++) {
    const clusterSize = 2 ** bits;
    yield { version: 2, clusterSize };
    for (const refcountBits of [16, NARROW_AND_WIDE[bits % 6]!, NARROW_AND_WIDE[(bits + 3) % 6]!]) {
      yield { version: 3, clusterSize, refcountBits };
    }
  }
}

describeWithQemu('an image that we create and fill', ['qemu-img'], () => {
  const dir = tempDir();
  let made = 0;

  async function fill(options: CreateQcow2Options, seed: number, longest: number) {
    const steps = longest > MIB ? 12 : 50;
    const { device, image } = await newImage(options);
    const model = new Uint8Array(image.size);
    await runWorkload(image, { seed, steps, model, longest, discardReads: 'zeros' });
    await image.close();
    const path = join(dir, `${made++}.qcow2`);
    save(device, path);
    return { path, model };
  }

  it.each([...kinds()])('is clean and the same for QEMU: %j', async (kind) => {
    const { clusterSize = 0 } = kind;
    const size = Math.max(300 * KIB, 3 * clusterSize) + 512;
    const { path, model } = await fill(
      { ...kind, size },
      clusterSize,
      20 * KIB + 1.5 * clusterSize,
    );
    await expectClean(path);
    expectSame(await qemuContent(path), model);
  });

  it('says of itself what was asked for', async () => {
    const path = join(dir, 'info.qcow2');
    const device = new TestDevice();
    await createQcow2(device, {
      size: 10 * MIB + 1,
      clusterSize: 4 * KIB,
      refcountBits: 8,
      backing: { name: 'base.raw', format: 'raw' },
    });
    save(device, path);
    expect(JSON.parse(await run('qemu-img', 'info', '--output=json', path))).toMatchObject({
      'virtual-size': 10 * MIB + 512,
      'cluster-size': 4 * KIB,
      'backing-filename': 'base.raw',
      'backing-filename-format': 'raw',
      'format-specific': { data: { compat: '1.1', 'refcount-bits': 8, 'lazy-refcounts': false } },
    });
  });

  it.each([
    { preallocation: 'metadata', size: 5 * MIB + 512, clusterSize: 512 },
    { preallocation: 'falloc', size: 3 * MIB, refcountBits: 64, clusterSize: 4 * KIB },
    { preallocation: 'full', size: 3 * MIB + 512 },
    { preallocation: 'metadata', size: 3 * MIB, version: 2 },
    { preallocation: 'metadata', size: 3 * MIB, extendedL2: true },
  ] as const)('has a place for all of it from the start: %j', async (options) => {
    const { device, image } = await newImage(options);
    const path = join(dir, `ahead${made++}.qcow2`);
    save(device, path);
    await expectClean(path);
    const model = new Uint8Array(options.size);
    expectSame(await qemuContent(path), model);
    const before = image.metadata.fileSize;
    expect(before).toBeGreaterThan(options.size);
    for await (const { host } of image.layerExtents(0, image.size)) expect(host).toBeDefined();
    await runWorkload(image, { seed: 6, steps: 30, model, longest: 50 * KIB });
    await image.write(new Uint8Array(2 * MIB).fill(1), 0);
    model.fill(1, 0, 2 * MIB);
    await image.close();
    expect(device.size - before).toBeLessThanOrEqual(MIB);
    save(device, path);
    await expectClean(path);
    expectSame(await qemuContent(path), model);
  });

  it('over a backing file has places for what is not there yet, in extended L2 entries', async () => {
    const base = join(dir, 'below.raw');
    writeFileSync(base, new Uint8Array(MIB).fill(7));
    const device = new TestDevice();
    const options = { size: 2 * MIB, extendedL2: true, preallocation: 'falloc' } as const;
    await createQcow2(device, { ...options, backing: { name: base, format: 'raw' } });
    const path = join(dir, 'above.qcow2');
    save(device, path);
    await expectClean(path);
    await run('qemu-io', '-c', 'write -P 9 3k 3k', path);
    await expectClean(path);
    const model = new Uint8Array(2 * MIB).fill(7, 0, MIB).fill(9, 3 * KIB, 6 * KIB);
    expectSame(await qemuContent(path), model);
  });

  it.each<[Omit<CreateQcow2Options, 'size'>, RegExp]>([
    [{ extendedL2: true, clusterSize: 8 * KIB }, /extended L2/],
    [{ extendedL2: true, version: 2 }, /extended L2/],
    [{ compressionType: 'zstd', version: 2 }, /zstd/],
    [{ lazyRefcounts: true, version: 2 }, /lazy/],
    [{ preallocation: 'full', backing: { name: 'base' } }, /preallocation/],
    [{ dataFile: { name: 'data' }, backing: { name: 'base' } }, /data file/],
    [{ dataFile: { name: 'data', raw: false }, version: 2 }, /data file/],
  ])('is refused: %j', async (options, message) => {
    const device = new TestDevice();
    const made = createQcow2(device, { size: MIB, ...options });
    await expect(made).rejects.toMatchObject({ code: 'OUT_OF_RANGE' });
    await expect(createQcow2(device, { size: MIB, ...options })).rejects.toThrow(message);
    expect(device.size).toBe(0);
  });

  it('tells QEMU of its lazy refcounts, of zstd and of extended L2 entries', async () => {
    const path = join(dir, 'features.qcow2');
    const device = new TestDevice();
    const options = { lazyRefcounts: true, compressionType: 'zstd', extendedL2: true } as const;
    await createQcow2(device, { size: MIB, ...options });
    save(device, path);
    const info: unknown = JSON.parse(await run('qemu-img', 'info', '--output=json', path));
    expect(Object(info)['format-specific'].data).toMatchObject({
      'lazy-refcounts': true,
      'compression-type': 'zstd',
      'extended-l2': true,
    });
  });

  it('is clean when the refcount table has to move and blocks count themselves', async () => {
    const options = { size: 4 * MIB, clusterSize: 512, refcountBits: 64 };
    const { device, image } = await newImage(options);
    const content = new Uint8Array(image.size).map((_, i) => (i >> 9) % 251);
    await image.write(content, 0);
    await image.close();
    const path = join(dir, 'moved.qcow2');
    save(device, path);
    await expectClean(path);
    expectSame(await qemuContent(path), content);
  });

  it('grows to a size that needs a larger L1 table, and is clean', async () => {
    const { device, image } = await newImage({ size: 100 * KIB, clusterSize: 512 });
    await image.write(new Uint8Array(image.size).fill(1), 0);
    await image.resize(4 * MIB);
    await image.write(new Uint8Array(10).fill(2), 4 * MIB - 10);
    await image.close();
    const path = join(dir, 'grown.qcow2');
    save(device, path);
    await expectClean(path);
    const model = new Uint8Array(4 * MIB).fill(1, 0, 100 * KIB).fill(2, 4 * MIB - 10);
    expectSame(await qemuContent(path), model);
  });

  it('is clean whatever is written to it, in small clusters', async () => {
    const kind = fc.record({
      clusterSize: fc.constantFrom(512, 1 * KIB, 4 * KIB),
      refcountBits: fc.constantFrom(1, 2, 4, 8, 16, 32, 64),
      sectors: fc.integer({ min: 1, max: 800 }),
      seed: fc.nat(),
    });
    const property = fc.asyncProperty(kind, async ({ sectors, seed, ...options }) => {
      const { path, model } = await fill({ ...options, size: sectors * 512 }, seed, 20 * KIB);
      await expectClean(path);
      expectSame(await qemuContent(path), model);
    });
    await fc.assert(property, { numRuns: 25 });
  });

  it('takes no more space when QEMU checks it for leaks after discards', async () => {
    const { device, image } = await newImage({ size: 8 * MIB });
    await image.write(new Uint8Array(4 * MIB).fill(1), 0);
    await image.discard(0, 3 * MIB);
    await image.close();
    const path = join(dir, 'discarded.qcow2');
    save(device, path);
    await expectClean(path);
    const report: unknown = JSON.parse(await run('qemu-img', 'check', '--output=json', path));
    expect(report).toMatchObject({ 'allocated-clusters': 16 });
    const again = await openQcow2(new TestDevice({ bytes: device.bytes }));
    expect(again.info.dirty).toBe(false);
  });
});
