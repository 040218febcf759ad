import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { openQcow2 } from '../src/index.ts';
import {
  expectClean,
  expectSame,
  loadDevice,
  qemuContent,
  readAll,
  save,
} from './support/images.ts';
import { convertToQcow2, qemuIo } from './support/qemu-images.ts';
import { randomOf, runWorkload } from './support/workload.ts';

const KIB = 1024;

interface Kind {
  readonly options: string;
  readonly compress?: boolean;
}

/** Every cluster size, each with a few of the ways in which QEMU can lay out an image. */
function* kinds(): Generator<Kind> {
  for (let bits = 9; bits <= 21; bits++) {
    const cluster = `cluster_size=${2 ** bits}`;
    const width = 2 ** (bits % 7);
    yield { options: `${cluster},compat=0.10` };
    yield { options: `${cluster},refcount_bits=${width}` };
    const others = [
      { options: `${cluster},preallocation=metadata,lazy_refcounts=on` },
      { options: `${cluster},compression_type=zlib`, compress: true },
      { options: `${cluster},compression_type=zstd,refcount_bits=64`, compress: true },
    ];
    yield others[bits % 3]!;
    yield others[(bits + 1) % 3]!;
  }
}

/** Data, zeros, and something between that compresses. */
function mixedContent(size: number, seed: number): Uint8Array {
  const random = randomOf(seed);
  const content = new Uint8Array(size);
  for (let at = 0; at < size;) {
    const end = Math.min(size, at + 512 + random(40 * KIB));
    const kind = random(3);
    const fill = random(256);
    if (kind === 1) content.fill(fill, at, end);
    if (kind === 2) for (let i = at; i < end; i++) content[i] = random(256);
    at = end;
  }
  return content;
}

describeWithQemu('an image that QEMU made', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  let made = 0;

  it.each([...kinds()])('is read, and goes on in our hands: %j', async ({ options, compress }) => {
    const clusterSize = Number(/cluster_size=(\d+)/u.exec(options)?.[1]);
    const size = Math.max(300 * KIB, 3 * clusterSize) + 512;
    const model = mixedContent(size, made);
    const name = String(made++);
    const path = await convertToQcow2({
      dir,
      name,
      content: model,
      options,
      ...(compress && { compress }),
    });
    await qemuIo(path, `write -z 0 ${clusterSize}`, `write -P 3 ${size - 512} 512`);
    model.fill(0, 0, clusterSize).fill(3, size - 512);

    const device = loadDevice(path);
    const image = await openQcow2(device, { writable: true });
    expectSame(await readAll(image), model);
    const longest = 20 * KIB + 1.5 * clusterSize;
    const steps = longest > 1024 * KIB ? 8 : 30;
    await runWorkload(image, { seed: made, steps, model, longest, discardReads: 'zeros' });
    await image.close();
    save(device, path);
    await expectClean(path);
    expectSame(await qemuContent(path), model);
    await qemuIo(path, 'write -P 9 1k 70k');
    model.fill(9, KIB, 71 * KIB);
    expectSame(await readAll(await openQcow2(loadDevice(path))), model);
  });

  it('of no bytes is read, and grown', async () => {
    const path = join(dir, 'empty.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', path, '0');
    const device = loadDevice(path);
    const image = await openQcow2(device, { writable: true });
    expect(image.size).toBe(0);
    await image.resize(200 * KIB);
    await image.write(new Uint8Array(10).fill(4), 100 * KIB);
    await image.close();
    save(device, path);
    await expectClean(path);
    const model = new Uint8Array(200 * KIB).fill(4, 100 * KIB, 100 * KIB + 10);
    expectSame(await qemuContent(path), model);
  });
});
