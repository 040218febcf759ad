import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyToMemory, RecordingDevice } from '@tidemark/block/testing';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { BitmapDirectory, openQcow2 } from '../src/index.ts';
import { BitmapLog, knownOf } from './support/bitmap-log.ts';
import { bitmapOf, openBitmaps, put, remove, setInUse } from './support/bitmaps.ts';
import { checkImage } from './support/check-image.ts';
import { addExtension, findExtension } from './support/header-edits.ts';
import { expectSame, qemuContent } from './support/images.ts';
import { powerCuts } from './support/power-cuts.ts';
import { qemuIo, verdict } from './support/qemu-images.ts';
import { TestDevice } from './support/test-device.ts';

const KIB = 1024;
const SIZE = 512 * KIB;
const LONG = 'x'.repeat(200);
const OPAQUE = Uint8Array.from({ length: 700 }, (_, i) => 1 + (i % 250));

interface Kind {
  readonly name: string;
  readonly options: string;
  /** Path of the backing file, from the test's folder. */
  readonly backing?: string;
  /** QEMU has put bitmaps there, too. */
  readonly bitmaps?: boolean;
  /** An extension that nobody knows. */
  readonly opaque?: Uint8Array;
}

const KINDS: Kind[] = [
  { name: 'plain', options: 'cluster_size=64k' },
  { name: 'with QEMU bitmaps', options: 'cluster_size=64k', bitmaps: true },
  { name: 'overlay', options: 'cluster_size=64k', backing: 'base.raw', bitmaps: true },
  { name: 'small clusters', options: 'cluster_size=512', bitmaps: true },
  { name: 'name in the way', options: 'cluster_size=4k', backing: 'base.raw' },
  {
    name: 'long name in the way',
    options: 'cluster_size=4k',
    backing: `${LONG}/${LONG}/${LONG}/base.raw`,
  },
  {
    name: 'long name behind QEMU bitmaps',
    options: 'cluster_size=64k',
    backing: `${LONG}/${LONG}/${LONG}/base.raw`,
    bitmaps: true,
  },
  { name: 'long extension', options: 'cluster_size=4k', opaque: OPAQUE },
  {
    name: 'long extension, long name, QEMU bitmaps',
    options: 'cluster_size=64k',
    opaque: OPAQUE,
    backing: `${LONG}/${LONG}/base.raw`,
    bitmaps: true,
  },
];

describeWithQemu('bitmaps in an image of QEMU, after a power cut', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();

  async function makeImage(kind: Kind): Promise<Uint8Array> {
    const path = join(dir, 'image.qcow2');
    const base = kind.backing === undefined ? [] : await makeBase(kind.backing);
    const options = ['-q', '-f', 'qcow2', '-o', kind.options];
    await run('qemu-img', 'create', ...options, ...base, path, String(SIZE));
    if (kind.opaque !== undefined) {
      writeFileSync(path, addExtension(readFileSync(path), 0x7e577e57, kind.opaque));
    }
    if (kind.bitmaps === true) {
      await run('qemu-img', 'bitmap', '--add', '-g', '4096', path, 'first');
      await run('qemu-img', 'bitmap', '--add', '-g', '512', '--disable', path, 'second');
    }
    await qemuIo(path, 'write -P 7 64k 32k');
    return new Uint8Array(readFileSync(path));
  }

  async function makeBase(name: string): Promise<string[]> {
    const path = join(dir, name);
    await run('mkdir', '-p', join(path, '..'));
    writeFileSync(path, new Uint8Array(SIZE).fill(9));
    return ['-b', path, '-F', 'raw'];
  }

  async function record(bytes: Uint8Array) {
    const device = await RecordingDevice.startOn(await copyToMemory(new TestDevice({ bytes })));
    const image = await openQcow2(device, { writable: true, skipBacking: true });
    const directory = await BitmapDirectory.open({ image: image.metadata });
    const log = new BitmapLog(device, await knownOf(directory));
    const opened = { directory };
    const some = bitmapOf(SIZE, { granularity: 512, dirty: [[0, 9000]] });
    const other = bitmapOf(SIZE, { granularity: 4096, dirty: [[SIZE - 1, 1]] });
    await log.step(directory, () => put(opened, 'ours', some));
    await log.step(directory, () => setInUse(opened, 'ours'));
    await image.write(new Uint8Array(32 * KIB).fill(7), 64 * KIB);
    await log.step(directory, () => put(opened, 'ours', other, { enabled: false }));
    await log.step(directory, () => put(opened, 'more', some));
    for (const { name } of directory.records.toReversed()) {
      await log.step(directory, () => remove(opened, name));
    }
    await image.close();
    return { device, log };
  }

  it.each(KINDS)('are old or new, and the rest is as it was: $name', async (kind) => {
    const start = await makeImage(kind);
    const before = (await openBitmaps(start, { writable: false })).image.info;
    const path = join(dir, 'cut.qcow2');
    const expected = new Uint8Array(SIZE).fill(kind.backing === undefined ? 0 : 9);
    expected.fill(7, 64 * KIB, 96 * KIB);
    const { device, log } = await record(start);
    let seen = 0;
    for await (const { bytes, count, name } of powerCuts(device, { seed: 5, torn: 2 })) {
      expect({ name, found: checkImage(bytes).corruptions }).toEqual({ name, found: [] });
      const { image, directory } = await openBitmaps(bytes, { writable: false });
      expect([name, ...log.possibleAt(count)]).toContainEqual(await knownOf(directory));
      expect({ name, backing: image.info.backing }).toEqual({ name, backing: before.backing });
      expect({ name, opaque: findExtension(bytes, 0x7e577e57) }).toEqual({
        name,
        opaque: kind.opaque,
      });
      if (seen++ % 25 > 0) continue;
      writeFileSync(path, bytes);
      expect({ name, ...(await verdict(path)) }).toEqual({ name, corruptions: 0 });
      expectSame(await qemuContent(path), expected);
    }
  });
});
