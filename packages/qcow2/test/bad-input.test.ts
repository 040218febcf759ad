import { isTidemarkError } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { openQcow2 } from '../src/index.ts';
import {
  at,
  type Break,
  broken,
  CLUSTER,
  goodImage,
  L2_TABLE,
  u32,
  u64,
} from './support/broken-image.ts';
import { TestDevice } from './support/test-device.ts';

function extension(type: number, length: number, ...data: number[]): Break {
  return (view, bytes) => {
    view.setUint32(112, type);
    view.setUint32(116, length);
    bytes.set(data, 120);
  };
}

function bitmaps(count: number, reserved: number, size: bigint, offset: bigint): Break {
  return (view) => {
    view.setBigUint64(at.autoclearFeatures, 1n);
    view.setUint32(112, 0x23852875);
    view.setUint32(116, 24);
    view.setUint32(120, count);
    view.setUint32(124, reserved);
    view.setBigUint64(128, size);
    view.setBigUint64(136, offset);
  };
}

const CORRUPT: [string, string, Break][] = [
  ['cluster size too small', 'clusterBits', u32(at.clusterBits, 8)],
  ['cluster size too large', 'clusterBits', u32(at.clusterBits, 22)],
  ['refcounts too wide', 'refcountOrder', u32(at.refcountOrder, 7)],
  ['header too short', 'headerLength', u32(at.headerLength, 96)],
  ['header longer than a cluster', 'headerLength', u32(at.headerLength, 8192)],
  ['header of an odd length', 'headerLength', u32(at.headerLength, 113)],
  ['backing name behind the cluster', 'backingFileOffset', u64(at.backingFileOffset, 4097n)],
  ['backing name inside the header', 'backingFileOffset', u64(at.backingFileOffset, 100n)],
  ['size beyond 2^53', 'size', u64(at.size, 1n << 60n)],
  ['L1 table too small', 'l1Size', u64(at.size, 1n << 40n)],
  ['L1 table of more than 32 MiB', 'l1Size', u32(at.l1Size, 0x400001)],
  ['L1 table not on a cluster', 'l1TableOffset', u64(at.l1TableOffset, 0x3001n)],
  ['L1 table in the header', 'l1TableOffset', u64(at.l1TableOffset, 0n)],
  ['L1 table behind the file', 'l1TableOffset', u64(at.l1TableOffset, 1n << 40n)],
  ['L1 table at the end of numbers', 'l1TableOffset', u64(at.l1TableOffset, 0xfffffffffffff000n)],
  ['no refcount table', 'refcountTableClusters', u32(at.refcountTableClusters, 0)],
  ['refcount table of over 8 MiB', 'refcountTableClusters', u32(at.refcountTableClusters, 2049)],
  ['refcount table behind the file', 'refcountTableOffset', u64(at.refcountTableOffset, 1n << 50n)],
  ['refcount table not on a cluster', 'refcountTableOffset', u64(at.refcountTableOffset, 512n)],
  ['too many snapshots', 'snapshotCount', u32(at.snapshotCount, 65537)],
  ['snapshots without a table', 'snapshotsOffset', u32(at.snapshotCount, 1)],
  ['an extension longer than its area', 'length', extension(0x12345678, 4000)],
  ['a backing format too long', 'length', extension(0xe2792aca, 16)],
  ['compression type without its bit', 'compressionType', (_, bytes) => (bytes[104] = 1)],
  ['compression bit without a type', 'compressionType', u64(at.incompatibleFeatures, 8n)],
  ['raw data file promised without one', 'autoclearFeatures', u64(at.autoclearFeatures, 2n)],
  ['subclusters of less than 512 bytes', 'clusterBits', u64(at.incompatibleFeatures, 16n)],
  ['no bitmaps', 'bitmapCount', bitmaps(0, 0, 32n, 0x5000n)],
  ['too many bitmaps', 'bitmapCount', bitmaps(65536, 0, 32n, 0x5000n)],
  ['a reserved bitmaps field', 'reserved', bitmaps(1, 1, 32n, 0x5000n)],
  ['an empty bitmap directory', 'directorySize', bitmaps(1, 0, 0n, 0x5000n)],
  ['an enormous bitmap directory', 'directorySize', bitmaps(1, 0, 67_107_841n, 0x5000n)],
  ['a bitmap directory not on a cluster', 'directoryOffset', bitmaps(1, 0, 32n, 0x5001n)],
  ['a bitmap directory behind the file', 'directoryOffset', bitmaps(1, 0, 32n, 1n << 40n)],
];

const UNSUPPORTED: [string, RegExp, Break][] = [
  ['version 1', /version 1/, u32(at.version, 1)],
  ['version 4', /version 4/, u32(at.version, 4)],
  ['AES', /AES/, u32(at.cryptMethod, 1)],
  ['LUKS', /LUKS/, u32(at.cryptMethod, 2)],
  ['an external data file', /external data file/, u64(at.incompatibleFeatures, 4n)],
  [
    'bitmaps of the draft of 2015',
    /a draft of 2015/,
    (view, bytes) => {
      view.setBigUint64(at.autoclearFeatures, 1n);
      extension(0x23852875, 16, 0, 0, 0, 1, 0, 0, 0, 32)(view, bytes);
    },
  ],
  ['an unknown feature', /bit 40/, u64(at.incompatibleFeatures, 1n << 40n)],
  [
    'an unknown feature that the image names',
    /'tea making'/,
    (view, bytes) => {
      view.setBigUint64(at.incompatibleFeatures, 1n << 40n);
      extension(0x6803f857, 48, 0, 40, ...new TextEncoder().encode('tea making'))(view, bytes);
    },
  ],
];

/** A bitmaps extension and another one behind it. */
const twoBitmaps: Break = (view, bytes) => {
  bitmaps(1, 0, 32n, 0x5000n)(view, bytes);
  bytes.copyWithin(144, 112, 144);
};

describe('a broken image', () => {
  it.each(CORRUPT)('is refused: %s', async (_, field, change) => {
    const device = await broken(change);
    const before = device.bytes.slice();
    const open = openQcow2(device, { writable: true });
    await expect(open).rejects.toMatchObject({ code: 'IMAGE_CORRUPT', context: { field } });
    expect(device.bytes).toEqual(before);
  });

  it('is refused: two bitmaps extensions', async () => {
    const open = openQcow2(await broken(twoBitmaps));
    await expect(open).rejects.toMatchObject({
      code: 'IMAGE_CORRUPT',
      message: 'bitmaps extension is there twice',
    });
  });

  it('needs no backing file when the name of it is empty', async () => {
    const device = await broken(u64(at.backingFileOffset, 512n));
    const image = await openQcow2(device, { writable: true });
    expect(image.info.backing).toBeUndefined();
    const content = new Uint8Array(8 * CLUSTER);
    await image.read(content, 0);
    expect(content.indexOf(7)).toBe(0);
    await image.write(Uint8Array.of(3), 4 * CLUSTER);
    await image.close();
    expect(new DataView(device.bytes.buffer).getBigUint64(at.backingFileOffset)).toBe(512n);
  });

  it.each(UNSUPPORTED)('is refused by name: %s', async (_, message, change) => {
    const device = await broken(change);
    const before = device.bytes.slice();
    const open = openQcow2(device, { writable: true });
    await expect(open).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
    await expect(openQcow2(device)).rejects.toThrow(message);
    expect(device.bytes).toEqual(before);
  });

  it.each([
    ['not closed cleanly', 1n, 'dirty'],
    ['marked as corrupt', 2n, 'corrupt'],
  ] as const)('%s can be read, but not written', async (_, bit, flag) => {
    const device = await broken(u64(at.incompatibleFeatures, bit));
    const image = await openQcow2(device);
    expect(image.info[flag]).toBe(true);
    const content = new Uint8Array(CLUSTER);
    await image.read(content, 0);
    expect(content[0]).toBe(7);
    const open = openQcow2(device, { writable: true });
    await expect(open).rejects.toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      context: { hint: expect.stringContaining('qemu-img check -r all') },
    });
  });

  it.each([
    ['aes', 1],
    ['luks', 2],
  ] as const)(
    'of metadata alone is read where the rest is encrypted: %s',
    async (method, value) => {
      const device = await broken(u32(at.cryptMethod, value));
      const image = await openQcow2(device, { allowEncrypted: true });
      expect(image.info).toMatchObject({ encryption: method, virtualSize: 1 << 20 });
      const read = image.read(new Uint8Array(10), 0);
      await expect(read).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
      const open = openQcow2(device, { allowEncrypted: true, writable: true });
      await expect(open).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
    },
  );

  it.each([
    ['an empty file', new Uint8Array(0)],
    ['three bytes', Uint8Array.of(0x51, 0x46, 0x49)],
    ['another format', new Uint8Array(4096).fill(0x4b)],
  ])('is not recognized: %s', async (_, bytes) => {
    const open = openQcow2(new TestDevice({ bytes }));
    await expect(open).rejects.toMatchObject({ code: 'IMAGE_UNRECOGNIZED' });
  });

  it('is never read past its end, wherever it was cut', async () => {
    const good = await goodImage();
    const end = L2_TABLE + CLUSTER;
    for (let length = 4; length < end; length += length < 256 ? 4 : 509) {
      const device = new TestDevice({ bytes: good.subarray(0, length) });
      expect({ length, outcome: await readFirst(device) }).toEqual({
        length,
        outcome: 'IMAGE_CORRUPT',
      });
    }
    expect(await readFirst(new TestDevice({ bytes: good.subarray(0, end) }))).toBe('read');
  });
});

async function readFirst(device: TestDevice): Promise<string> {
  try {
    const image = await openQcow2(device);
    await image.read(new Uint8Array(10), 0);
    return 'read';
  } catch (error) {
    return isTidemarkError(error) ? error.code : String(error);
  }
}
