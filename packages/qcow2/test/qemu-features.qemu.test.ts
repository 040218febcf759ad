import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { BlockDevice } from '@tidemark/block';
import { expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { openQcow2, probeFormat } from '../src/index.ts';
import {
  expectClean,
  expectSame,
  loadDevice,
  qemuContent,
  readAll,
  save,
} from './support/images.ts';
import { qemuIo } from './support/qemu-images.ts';
import { runWorkload } from './support/workload.ts';

const KIB = 1024;
const SECRET = ['--object', 'secret,id=s,data=abc'];

describeWithQemu('an image with a feature of QEMU', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();

  async function create(name: string, size: string, ...args: string[]): Promise<string> {
    const path = join(dir, name);
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', ...args, path, size);
    return path;
  }

  async function openChain(path: string): Promise<BlockDevice> {
    const device = loadDevice(path);
    if ((await probeFormat(device)) === 'raw') return device;
    return openQcow2(device, { openBacking: (name) => openChain(join(dir, basename(name))) });
  }

  it.each([
    ['an external data file', ['-o', `data_file=DIR/data.raw`], /external data file/u],
    ['a raw data file', ['-o', `data_file=DIR/raw.raw,data_file_raw=on`], /external data file/u],
    // LUKS is in bad-input.test.ts: QEMU measures the machine first, which fails now and then.
    ['AES', [...SECRET, '-o', 'encrypt.format=aes,encrypt.key-secret=s'], /AES/u],
  ])('is refused by name: %s', async (_, args, message) => {
    const path = await create('refused.qcow2', '1M', ...args.map((arg) => arg.replace('DIR', dir)));
    const open = openQcow2(loadDevice(path));
    await expect(open).rejects.toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      message: expect.stringMatching(message),
    });
  });

  it('is read, but not written, when lazy refcounts were left behind by a crash', async () => {
    const path = await create('lazy.qcow2', '1M', '-o', 'lazy_refcounts=on');
    const { code } = await sh('sh', '-c', `qemu-io -c 'write -P 5 0 64k' -c abort ${path}`);
    expect(code).toBeGreaterThan(128);
    const device = loadDevice(path);
    const image = await openQcow2(device);
    expect(image.info).toMatchObject({ dirty: true, lazyRefcounts: true });
    const model = new Uint8Array(image.size).fill(5, 0, 64 * KIB);
    expectSame(await readAll(image), model);
    const open = openQcow2(device, { writable: true });
    await expect(open).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
    expect(device.log).toEqual([]);

    await run('qemu-img', 'check', '-q', '-r', 'all', path);
    const repaired = await openQcow2(loadDevice(path), { writable: true });
    expect(repaired.info.dirty).toBe(false);
  });

  it('is read through a chain of backing files, each shorter than what is above', async () => {
    const sizes = [100, 170, 260, 300].map((kib) => kib * KIB);
    const model = new Uint8Array(sizes[3]!);
    writeFileSync(join(dir, 'chain0'), new Uint8Array(sizes[0]!).fill(1));
    model.fill(1, 0, sizes[0]);
    for (let i = 1; i < 4; i++) {
      const below = ['-b', join(dir, `chain${i - 1}`), '-F', i === 1 ? 'raw' : 'qcow2'];
      const options = ['-o', `cluster_size=${512 * 4 ** i}`];
      const path = await create(`chain${i}`, String(sizes[i]), ...options, ...below);
      const at = i * 50 * KIB + 300;
      await qemuIo(path, `write -P ${i + 1} ${at} 9000`, `write -z ${i * 8}k 8k`);
      // A longer disk shows zeros where what is below ends.
      model.fill(i + 1, at, at + 9000).fill(0, i * 8 * KIB, (i + 1) * 8 * KIB);
    }
    const path = join(dir, 'chain3');
    expectSame(await readAll(await openChain(path)), model);

    const device = loadDevice(path);
    const image = await openQcow2(device, {
      writable: true,
      openBacking: () => openChain(join(dir, 'chain2')),
    });
    await runWorkload(image, {
      seed: 8,
      steps: 60,
      model,
      longest: 30 * KIB,
      discardReads: 'zeros',
    });
    await image.close();
    save(device, path);
    await expectClean(path);
    expectSame(await qemuContent(path), model);
  });

  it('of version 2 keeps what its backing file shows when it is discarded', async () => {
    writeFileSync(join(dir, 'v2-base.raw'), new Uint8Array(256 * KIB).fill(6));
    const path = await create(
      'v2',
      '256k',
      '-o',
      'compat=0.10',
      '-b',
      join(dir, 'v2-base.raw'),
      '-F',
      'raw',
    );
    const device = loadDevice(path);
    const image = await openQcow2(device, {
      writable: true,
      openBacking: () => openChain(join(dir, 'v2-base.raw')),
    });
    await image.write(new Uint8Array(128 * KIB).fill(7), 0);
    await image.discard(0, 128 * KIB);
    await image.writeZeroes(64 * KIB, 128 * KIB);
    await image.close();
    save(device, path);
    await expectClean(path);
    const model = new Uint8Array(256 * KIB)
      .fill(6)
      .fill(7, 0, 64 * KIB)
      .fill(0, 64 * KIB, 192 * KIB);
    expectSame(await qemuContent(path), model);
  });

  it('is read and written when its space was allocated in advance', async () => {
    for (const how of ['metadata', 'falloc', 'full']) {
      const path = await create(`pre-${how}`, '300k', '-o', `cluster_size=1k,preallocation=${how}`);
      const device = loadDevice(path);
      const image = await openQcow2(device, { writable: true });
      const model = new Uint8Array(image.size);
      expectSame(await readAll(image), model);
      await runWorkload(image, {
        seed: 4,
        steps: 50,
        model,
        longest: 30 * KIB,
        discardReads: 'zeros',
      });
      await image.close();
      save(device, path);
      await expectClean(path);
      expectSame(await qemuContent(path), model);
    }
  });

  it('keeps unknown extensions and compatible bits, clears unknown autoclear bits', async () => {
    const path = await create('unknown.qcow2', '1M');
    const device = loadDevice(path);
    const view = new DataView(device.bytes.buffer);
    view.setBigUint64(80, 1n << 55n);
    view.setBigUint64(88, 1n << 57n);
    // Behind the 384 bytes of feature names.
    view.setUint32(504, 0x7e577e57);
    view.setUint32(508, 5);
    device.bytes.set([1, 2, 3, 4, 5], 512);
    const image = await openQcow2(device, { writable: true });
    expect(device.log).toEqual([]);
    await image.write(new Uint8Array(10).fill(1), 0);
    await image.metadata.commitBitmaps(undefined);
    await image.close();
    expect([view.getBigUint64(80), view.getBigUint64(88)]).toEqual([1n << 55n, 0n]);
    const again = await openQcow2(device);
    expect(again.info.extensionTypes).toEqual([0x7e577e57]);
    expect(Buffer.from(device.bytes.subarray(112, 125)).toString('hex')).toBe(
      '7e577e57000000050102030405',
    );
    save(device, path);
    await expectClean(path);
  });
});
