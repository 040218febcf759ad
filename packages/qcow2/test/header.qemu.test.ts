import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { createQcow2, type CreateQcow2Options } from '../src/index.ts';
import { HeaderV3 } from '../src/header/spec.ts';
import { bitmapOf, newBitmaps, openBitmaps, put, remove } from './support/bitmaps.ts';
import { addExtension } from './support/header-edits.ts';
import { expectClean, newImage, save } from './support/images.ts';
import { bitmapsInfo } from './support/qemu-images.ts';
import { TestDevice } from './support/test-device.ts';

const MIB = 1 << 20;
const at = HeaderV3.offsetOf;

async function emptyImage(options: Partial<CreateQcow2Options> = {}): Promise<Uint8Array> {
  const { device, image } = await newImage({ size: MIB, clusterSize: 4096, ...options });
  await image.close();
  return device.bytes.slice();
}

const LONG = Uint8Array.from({ length: 3900 }, (_, i) => i % 251);

/** The name of a backing file right behind the extensions, as QEMU puts it, up to the end. */
function withLongName(image: Uint8Array): Uint8Array {
  const bytes = image.slice();
  const view = new DataView(bytes.buffer);
  view.setBigUint64(at.backingFileOffset, 120n);
  view.setUint32(at.backingFileSize, 380);
  bytes.fill(0x78, 120, 500);
  return bytes;
}

/** The image with a header of another length; what was behind it moves along. */
function withHeaderLength(image: Uint8Array, length: number, tail = new Uint8Array(0)): Uint8Array {
  const bytes = image.slice();
  bytes.fill(0, 112, 4096);
  bytes.set(tail, 112);
  new DataView(bytes.buffer).setUint32(at.headerLength, length);
  return bytes;
}

describe('a change of bitmaps', () => {
  it('takes effect in one write of sector 0, with all else durable before it', async () => {
    const opened = await newBitmaps({ size: MIB });
    const bitmap = bitmapOf(MIB, { dirty: [[0, 1]] });
    await put(opened, 'a', bitmap);
    const { log } = opened.device;
    for (const change of [
      () => put(opened, 'b', bitmap),
      () => put(opened, 'a', bitmap),
      () => remove(opened, 'a'),
      () => remove(opened, 'b'),
    ]) {
      log.length = 0;
      await change();
      const toSector0 = log.filter(({ op, offset }) => op === 'write' && offset < 512);
      expect(toSector0).toEqual([{ op: 'write', offset: 0, length: 512 }]);
      const commit = log.indexOf(toSector0[0]!);
      expect([log[commit - 1]?.op, log[commit + 1]?.op]).toEqual(['flush', 'flush']);
    }
  });

  it('writes nothing but its own bitmap, its table, the directory and counts', async () => {
    const opened = await newBitmaps({ size: 64 * MIB, clusterSize: 4096 });
    const large = bitmapOf(64 * MIB, { granularity: 512, dirty: [[0, 63 * MIB]] });
    await put(opened, 'large', large);
    await put(opened, 'small', bitmapOf(64 * MIB));
    const { device } = opened;
    device.log.length = 0;
    device.bytesRead = 0;
    await put(opened, 'small', bitmapOf(64 * MIB, { dirty: [[0, 1]] }));
    const written = device.log.reduce(
      (sum, { op, length }) => sum + (op === 'write' ? length : 0),
      0,
    );
    expect(written).toBeLessThan(5 * 4096);
    expect(device.bytesRead).toBeLessThan(5 * 4096);
  });
});

describe('a header that has no room', () => {
  it.each<[string, () => Promise<Uint8Array>]>([
    [
      'a long name in a small cluster',
      async () => withLongName(await emptyImage({ clusterSize: 512 })),
    ],
    ['a long header', async () => withHeaderLength(await emptyImage(), 480)],
    ['a long extension', async () => addExtension(await emptyImage(), 0x7e577e57, LONG)],
  ])('refuses bitmaps, and is as it was: %s', async (_, make) => {
    const opened = await openBitmaps(await make());
    const before = opened.device.bytes.slice(0, 512);
    const add = put(opened, 'a', bitmapOf(MIB));
    await expect(add).rejects.toMatchObject({ code: 'NO_SPACE' });
    await opened.image.write(new Uint8Array(10).fill(1), 8192).catch(() => undefined);
    await opened.image.close();
    expect(opened.device.bytes.subarray(0, 512)).toEqual(before);
    const again = await openBitmaps(opened.device.bytes, { writable: false });
    expect(again.directory.records).toEqual([]);
  });
});

describeWithQemu('a header that we change', ['qemu-img'], () => {
  const dir = tempDir();

  it.each([
    ['of 104 bytes', 104, new Uint8Array(0)],
    ['with a tail of a later version', 136, Uint8Array.from({ length: 24 }, (_, i) => i + 1)],
  ])('keeps what it is, with bitmaps in it: %s', async (_, length, tail) => {
    const opened = await openBitmaps(withHeaderLength(await emptyImage(), length, tail));
    await put(opened, 'a', bitmapOf(MIB));
    await opened.image.close();
    const path = join(dir, 'length.qcow2');
    save(opened.device, path);
    await expectClean(path);
    expect(await bitmapsInfo(path)).toEqual([{ name: 'a', granularity: 65_536, flags: ['auto'] }]);
    const { bytes } = opened.device;
    expect(new DataView(bytes.buffer, bytes.byteOffset).getUint32(at.headerLength)).toBe(
      Math.max(length, 112),
    );
    expect(bytes.slice(112, 112 + tail.length)).toEqual(tail);
    // QEMU writes the header anew.
    await run('qemu-img', 'bitmap', '--add', path, 'b');
    expect(new Uint8Array(readFileSync(path)).slice(112, 112 + tail.length)).toEqual(tail);
  });

  it.each([512, 4096, 65_536, 2 ** 21])(
    'has the name of its backing file where QEMU leaves it, in clusters of %i',
    async (clusterSize) => {
      const nameAt = (image: Uint8Array) =>
        new DataView(image.buffer, image.byteOffset).getBigUint64(at.backingFileOffset);
      const backing = { name: join(dir, 'base.raw'), format: 'raw' };
      await run('qemu-img', 'create', '-q', '-f', 'raw', backing.name, '1M');
      const device = new TestDevice();
      await createQcow2(device, { size: MIB, clusterSize, backing });
      const path = join(dir, 'name.qcow2');
      save(device, path);
      await run('qemu-img', 'bitmap', '--add', path, 'a');
      expect(nameAt(new Uint8Array(readFileSync(path)))).toBe(nameAt(device.bytes));
      await expectClean(path);

      const opened = await openBitmaps(new Uint8Array(readFileSync(path)));
      await put(opened, 'b', bitmapOf(MIB));
      await opened.image.close();
      expect(nameAt(opened.device.bytes)).toBe(nameAt(device.bytes));
      expect(opened.image.info.backing).toEqual(backing);
    },
  );
});
