import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeWithQemu, sh, tempDir } from '../../../tools/qemu.ts';
import { BitmapDirectory, openQcow2 } from '../src/index.ts';
import { BitmapDirectoryEntry } from '../src/bitmaps/spec.ts';
import { openBitmaps, put, remove } from './support/bitmaps.ts';
import {
  type Malformed,
  placesIn,
  REFUSED,
  twoBitmaps,
  UNREADABLE,
  UNSUPPORTED,
} from './support/malformed-bitmaps.ts';
import { TestDevice } from './support/test-device.ts';

const field = BitmapDirectoryEntry.offsetOf;
const IN_USE = 1;

async function malformed({ change }: Pick<Malformed, 'change'>): Promise<Uint8Array> {
  const bytes = await twoBitmaps();
  change(placesIn(bytes));
  return bytes;
}

describe('a directory of bitmaps that is malformed', () => {
  it.each(REFUSED)('is refused, and little is read for it: $name', async (row) => {
    const device = new TestDevice({ bytes: await malformed(row) });
    const before = device.bytes.slice();
    const image = await openQcow2(device, { writable: true });
    const open = BitmapDirectory.open({ image: image.metadata });
    await expect(open).rejects.toThrow(row.message);
    await expect(open).rejects.toMatchObject({
      code: 'IMAGE_CORRUPT',
      context: { where: 'test file', hint: expect.stringContaining('restore the image') },
    });
    await image.close();
    expect(Buffer.compare(device.bytes, before)).toBe(0);
    expect(device.bytesRead).toBeLessThan(16 * 1024);
  });

  it.each(UNSUPPORTED)('keeps an entry that it cannot use, byte for byte: $name', async (row) => {
    const opened = await openBitmaps(await malformed(row));
    const [one, two] = opened.directory.records;
    expect(one).toMatchObject({ name: 'one', unsupported: row.why });
    expect(two?.unsupported).toBeUndefined();
    await expect(opened.directory.readContent('one')).rejects.toThrow(RangeError);
    expect((await opened.directory.readContent('two')).count).toBe(1);

    const before = one!.bytes.slice();
    await put(opened, 'three', await opened.directory.readContent('two'));
    await remove(opened, 'two');
    const again = await openBitmaps(opened.device.bytes);
    const kept = again.directory.records.find(({ name }) => name === 'one');
    expect(kept?.bytes).toEqual(before);
    // It may be dropped, but nobody knows which clusters are its own.
    await remove(again, 'one');
    expect(again.notices).toEqual([expect.stringContaining(row.why)]);
  });

  it.each(UNREADABLE)('does not read a bitmap whose table has $name', async (row) => {
    const opened = await openBitmaps(await malformed(row));
    const before = opened.device.bytes.slice();
    const read = opened.directory.readContent('one');
    await expect(read).rejects.toThrow(row.message);
    await expect(read).rejects.toMatchObject({ code: 'IMAGE_CORRUPT', context: { bitmap: 'one' } });
    expect((await opened.directory.readContent('two')).count).toBe(1);
    expect(Buffer.compare(opened.device.bytes, before)).toBe(0);
    await remove(opened, 'one');
    expect(opened.notices).toEqual([
      expect.stringContaining("space of bitmap 'one' was not given back"),
    ]);
    expect((await opened.directory.readContent('two')).count).toBe(1);
  });

  it.each([
    ['too short', (view: DataView, one: number) => view.setUint8(one + field.granularityBits, 9)],
    ['nowhere', (view: DataView, one: number) => view.setBigUint64(one, 0n)],
    [
      'enormous',
      (view: DataView, one: number) => view.setUint32(one + field.tableSize, 0xffff_ffff),
    ],
  ])('does not look at the table of a bitmap in use, though it is %s', async (_, change) => {
    const bytes = await malformed({
      change: ({ view, one, two }) => {
        view.setUint32(one + field.flags, 2 | IN_USE);
        view.setUint32(two + field.flags, 2 | IN_USE);
        change(view, one);
      },
    });
    const opened = await openBitmaps(bytes);
    expect(opened.directory.records).toMatchObject([{ inUse: true }, { inUse: true }]);
    await remove(opened, 'one');
    expect(opened.directory.records).toMatchObject([{ name: 'two', inUse: true }]);
  });

  it('reads bits behind the end of the disk and filled padding as if they were zeros', async () => {
    const bytes = await malformed({
      change: (places) => {
        places.bytes.fill(0xff, places.data + 640, places.data + 4096);
        places.bytes.fill(0xff, places.one + 27, places.one + 32);
      },
    });
    const { directory } = await openBitmaps(bytes);
    const content = await directory.readContent('one');
    expect([content.count, content.sha256()]).toEqual([
      1,
      (await directory.readContent('two')).sha256(),
    ]);
  });

  it('has bitmaps that a version 2 header does not vouch for', async () => {
    const bytes = await twoBitmaps();
    // The version, and no header length: the extensions begin at byte 72.
    new DataView(bytes.buffer).setUint32(4, 2);
    bytes.copyWithin(72, 112, 152);
    const { directory, image } = await openBitmaps(bytes, { writable: false });
    expect(image.info.bitmapsLost).toBe(true);
    expect(directory.records).toEqual([]);
  });

  it('is not there when only the autoclear bit is, which the first write clears', async () => {
    const bytes = await twoBitmaps();
    bytes.fill(0, 112, 152);
    const { directory, image, device } = await openBitmaps(bytes);
    expect(directory.records).toEqual([]);
    await image.write(new Uint8Array(1), 0);
    expect(new DataView(device.bytes.buffer).getBigUint64(88)).toBe(0n);
  });
});

describeWithQemu('what is malformed for us', ['qemu-img'], () => {
  const dir = tempDir();

  it.each([...REFUSED, ...UNSUPPORTED, ...UNREADABLE])('QEMU $qemu: $name', async (row) => {
    const path = join(dir, 'malformed.qcow2');
    writeFileSync(path, await malformed(row));
    const { code } = await sh('qemu-img', 'info', path);
    expect(code).toBe(row.qemu === 'opens' ? 0 : 1);
  });
});
