import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { createQcow2, openQcow2, type Qcow2Image } from '../src/index.ts';
import { openImage } from './support/chains.ts';
import {
  expectClean,
  expectSame,
  loadDevice,
  qemuContent,
  readAll,
  save,
} from './support/images.ts';
import { qemuIo } from './support/qemu-images.ts';
import { mapLike, qemuMap } from './support/qemu-map.ts';
import { TestDevice } from './support/test-device.ts';
import { runWorkload } from './support/workload.ts';

const KIB = 1024;
const SIZE = 500 * KIB + 512;

/** As behind `-o`, and whether the data file is raw. */
const KINDS: [options: string, isRaw: boolean][] = [
  ['data_file_raw=off', false],
  ['data_file_raw=on', true],
  ['data_file_raw=off,cluster_size=4k', false],
  ['data_file_raw=on,cluster_size=512', true],
  ['data_file_raw=off,extended_l2=on,cluster_size=32k', false],
  ['data_file_raw=on,extended_l2=on', true],
  ['data_file_raw=off,preallocation=metadata', false],
];

describeWithQemu('an image whose data is in a file', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  let made = 0;

  async function create(
    options: string,
    ...args: string[]
  ): Promise<{ path: string; raw: string }> {
    const raw = join(dir, `data${made}`);
    const path = join(dir, `image${made++}`);
    const all = `${options},data_file=${raw}`;
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', all, ...args, path, String(SIZE));
    return { path, raw };
  }

  /** Lets `work` change the image and its data file, and puts both back. */
  async function change(path: string, raw: string, work: (image: Qcow2Image) => Promise<void>) {
    const device = loadDevice(path);
    const data = loadDevice(raw);
    const openDataFile = async (name: string | undefined) => {
      expect(name).toBe(raw);
      return data;
    };
    const image = await openImage(dir, device, { writable: true, openDataFile });
    await work(image);
    await image.close();
    save(device, path);
    save(data, raw);
  }

  async function expectContent(path: string, raw: string, model: Uint8Array, isRaw: boolean) {
    await expectClean(path);
    expectSame(await qemuContent(path), model);
    const data = new Uint8Array(readFileSync(raw));
    // QEMU makes it longer, up to the end of a cluster, where it preallocates.
    expect(data.length).toBeGreaterThanOrEqual(model.length);
    if (isRaw) expectSame(data.subarray(0, model.length), model);
  }

  it.each(KINDS)('is read and written like QEMU does, in turn: %s', async (options, isRaw) => {
    const { path, raw } = await create(options);
    const model = new Uint8Array(SIZE);
    for (let round = 0; round < 3; round++) {
      const at = 90 * KIB * round + 700;
      const zeros = [at + 30 * KIB, 20 * KIB] as const;
      await qemuIo(
        path,
        `write -P 9 ${at} 50000`,
        `write -z ${zeros.join(' ')}`,
        'write -P 3 0 64k',
      );
      model
        .fill(9, at, at + 50_000)
        .fill(0, zeros[0], zeros[0] + zeros[1])
        .fill(3, 0, 64 * KIB);
      await change(path, raw, async (image) => {
        expectSame(await readAll(image), model);
        expect(await mapLike(image.layerExtents(0, SIZE))).toEqual(await qemuMap(path));
        await runWorkload(image, { seed: round, steps: 50, model, longest: 40 * KIB });
      });
      await expectContent(path, raw, model, isRaw);
    }
  });

  it('without a promise to be raw gives discarded clusters back, and shows zeros there', async () => {
    const { path, raw } = await create('data_file_raw=off,cluster_size=4k');
    const model = new Uint8Array(SIZE).fill(5);
    await change(path, raw, async (image) => {
      await image.write(model, 0);
      await runWorkload(image, {
        seed: 1,
        steps: 60,
        model,
        longest: 30 * KIB,
        discardReads: 'zeros',
      });
    });
    await expectContent(path, raw, model, false);
  });

  it.each(KINDS)('is resized together with its data file: %s', async (options, isRaw) => {
    const { path, raw } = await create(options);
    let model = new Uint8Array(SIZE).fill(7);
    await change(path, raw, async (image) => {
      await image.write(model, 0);
      for (const size of [800 * KIB, 100 * KIB + 512, 30 * KIB, 300 * KIB]) {
        await image.resize(size);
        const next = new Uint8Array(size);
        next.set(model.subarray(0, size));
        model = next;
        expectSame(await readAll(image), model);
      }
      await image.write(new Uint8Array(700).fill(8), 200 * KIB);
      model.fill(8, 200 * KIB, 200 * KIB + 700);
    });
    await expectContent(path, raw, model, isRaw);
    const map = await qemuMap(path);
    expect(!isRaw || map.every(({ data }) => data)).toBe(true);
  });

  it('shows its backing file where it has nothing', async () => {
    const base = join(dir, 'base');
    writeFileSync(base, new Uint8Array(300 * KIB).fill(200));
    const { path, raw } = await create(
      'data_file_raw=off,cluster_size=16k',
      '-b',
      base,
      '-F',
      'raw',
    );
    const model = new Uint8Array(SIZE).fill(200, 0, 300 * KIB);
    await change(path, raw, async (image) => {
      const workload = { seed: 3, steps: 50, model, longest: 30 * KIB };
      await runWorkload(image, { ...workload, discardReads: 'zeros' });
    });
    await expectContent(path, raw, model, false);
  });

  it.each([true, false])('can be made by us, raw: %s', async (isRaw) => {
    for (const extendedL2 of [false, true]) {
      const raw = join(dir, `own${made}`);
      const path = join(dir, `own-image${made++}`);
      const model = new Uint8Array(SIZE).fill(isRaw ? 6 : 0);
      writeFileSync(raw, new Uint8Array(SIZE).fill(6));
      const device = new TestDevice();
      await createQcow2(device, { size: SIZE, extendedL2, dataFile: { name: raw, raw: isRaw } });
      save(device, path);
      await expectContent(path, raw, model, isRaw);
      await change(path, raw, (image) =>
        runWorkload(image, { seed: 4, steps: 40, model, longest: 40 * KIB }),
      );
      expect(statSync(raw).size).toBe(SIZE);
      await expectContent(path, raw, model, isRaw);
      await qemuIo(path, 'write -P 77 3k 100k');
      model.fill(77, 3 * KIB, 103 * KIB);
      await change(path, raw, async (image) => expectSame(await readAll(image), model));
    }
  });

  it('is refused where an entry leads to another place of the data file', async () => {
    const { path, raw } = await create('data_file_raw=off');
    await qemuIo(path, 'write -P 1 64k 64k');
    const device = loadDevice(path);
    const view = new DataView(device.bytes.buffer);
    const l1 = Number(view.getBigUint64(40));
    const l2 = Number(view.getBigUint64(l1) & 0x00ff_ffff_ffff_fe00n);
    view.setBigUint64(l2 + 8, (1n << 63n) | 0x2_0000n);
    const image = await openQcow2(device, { openDataFile: async () => loadDevice(raw) });
    const read = image.read(new Uint8Array(10), 64 * KIB);
    await expect(read).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
    view.setBigUint64(l2 + 8, (1n << 62n) | 0x2_0000n);
    const again = await openQcow2(device, { openDataFile: async () => loadDevice(raw) });
    const packed = again.read(new Uint8Array(10), 64 * KIB);
    await expect(packed).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
  });

  it('takes no compressed clusters', async () => {
    const { path, raw } = await create('data_file_raw=off');
    await change(path, raw, async (image) => {
      const write = image.writeCompressed(new Uint8Array(64 * KIB), 0);
      await expect(write).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
    });
  });
});
