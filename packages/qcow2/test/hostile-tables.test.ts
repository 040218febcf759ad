import { describe, expect, it } from 'vitest';
import { openQcow2 } from '../src/index.ts';
import { HeaderV3 } from '../src/header/spec.ts';
import { bitmapOf, newBitmaps, openBitmaps, put, remove } from './support/bitmaps.ts';
import { newImage } from './support/images.ts';
import { TestDevice } from './support/test-device.ts';

const CLUSTER = 4096;
const MIB = 1 << 20;
const EXCLUSIVE = 1n << 63n;
const at = HeaderV3.offsetOf;

/** Clusters of the image below. */
const REFCOUNT_TABLE = 0x1000;
const REFCOUNT_BLOCK = 0x2000;
const L1_TABLE = 0x3000;
const DATA = 0x4000;
const L2_TABLE = 0x5000;

type Break = (view: DataView) => void;

const u64 =
  (offset: number, value: number | bigint): Break =>
  (view) =>
    view.setBigUint64(offset, BigInt(value));

/** An 8 MiB disk, of which an L2 table maps 2 MiB, with one cluster of data. */
async function brokenImage(...changes: Break[]): Promise<TestDevice> {
  const { device, image } = await newImage({ size: 8 * MIB, clusterSize: CLUSTER });
  await image.write(new Uint8Array(CLUSTER).fill(7), 0);
  await image.close();
  const bytes = device.bytes.slice(0, 16 * CLUSTER);
  for (const change of changes) change(new DataView(bytes.buffer));
  return new TestDevice({ bytes });
}

const openAnyway = (device: TestDevice) => openQcow2(device, { writable: true, skipBacking: true });

describe('an image whose metadata lies in metadata', () => {
  it.each<[string, ...Break[]]>([
    ['a refcount block in the L1 table', u64(REFCOUNT_TABLE + 8, L1_TABLE)],
    ['a refcount block in the refcount table', u64(REFCOUNT_TABLE + 8, REFCOUNT_TABLE)],
    ['a refcount block in an L2 table', u64(REFCOUNT_TABLE + 8, L2_TABLE)],
    ['one refcount block twice', u64(REFCOUNT_TABLE + 8, REFCOUNT_BLOCK)],
    ['one L2 table twice', u64(L1_TABLE + 8, EXCLUSIVE | BigInt(L2_TABLE))],
    ['an L2 table in the L1 table', u64(L1_TABLE + 8, EXCLUSIVE | BigInt(L1_TABLE))],
    ['an L2 table in the refcount table', u64(L1_TABLE + 8, EXCLUSIVE | BigInt(REFCOUNT_TABLE))],
    ['an L2 table in a refcount block', u64(L1_TABLE + 8, EXCLUSIVE | BigInt(REFCOUNT_BLOCK))],
    ['the L1 table in the refcount table', u64(at.l1TableOffset, REFCOUNT_TABLE)],
    ['the refcount table in a refcount block', u64(at.refcountTableOffset, REFCOUNT_BLOCK)],
    [
      'the snapshot table in the L1 table',
      (view) => view.setUint32(at.snapshotCount, 1),
      u64(at.snapshotsOffset, L1_TABLE),
    ],
  ])('is not written: %s', async (_, ...changes) => {
    const device = await brokenImage(...changes);
    const before = device.bytes.slice();
    const image = await openAnyway(device);
    const write = image.write(new Uint8Array(10), 0);
    await expect(write).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
    await expect(image.flush()).resolves.toBeUndefined();
    expect(Buffer.compare(device.bytes, before)).toBe(0);
  });

  it('keeps the autoclear bits when it is not written', async () => {
    const device = await brokenImage(
      u64(REFCOUNT_TABLE + 8, L1_TABLE),
      u64(at.autoclearFeatures, 1n << 40n),
    );
    const image = await openAnyway(device);
    await expect(image.write(new Uint8Array(10), 0)).rejects.toThrow(/other metadata/u);
    expect(device.log).toEqual([]);
  });
});

describe('a mapping that points to metadata', () => {
  const TARGETS: [string, number][] = [
    ['the header', 0],
    ['the refcount table', REFCOUNT_TABLE],
    ['a refcount block', REFCOUNT_BLOCK],
    ['the L1 table', L1_TABLE],
    ['the L2 table', L2_TABLE],
  ];

  it.each(TARGETS)('does not give away %s when its guest cluster is discarded', async (_, host) => {
    const entry = 0x4000_0000_0000_0000n | BigInt(host + 512);
    const device = await brokenImage(u64(L2_TABLE + 8, entry));
    const image = await openAnyway(device);
    await image.discard(CLUSTER, CLUSTER);
    await expect(image.flush()).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
    // From now on nobody knows what is free.
    const write = image.write(new Uint8Array(10), 4 * MIB);
    await expect(write).rejects.toMatchObject({ code: 'IO_FAILED' });
    const view = new DataView(device.bytes.buffer, device.bytes.byteOffset);
    expect(view.getUint16(REFCOUNT_BLOCK + (host / CLUSTER) * 2)).toBe(1);
  });

  it.each(TARGETS.slice(1))(
    'does not overwrite %s as a cluster of zeros kept for later',
    async (...row) => {
      const host = row[1];
      const device = await brokenImage(u64(L2_TABLE + 8, EXCLUSIVE | BigInt(host) | 1n));
      const before = device.bytes.slice();
      const image = await openAnyway(device);
      const write = image.write(new Uint8Array(CLUSTER).fill(8), CLUSTER);
      await expect(write).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
      expect(Buffer.compare(device.bytes, before)).toBe(0);
    },
  );

  it.each(TARGETS.slice(1))('does not give away %s when it is overwritten', async (_, host) => {
    const device = await brokenImage(u64(L2_TABLE + 8, host));
    const image = await openAnyway(device);
    await image.write(new Uint8Array(CLUSTER).fill(8), CLUSTER);
    await expect(image.flush()).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
    const again = await openQcow2(device);
    const content = new Uint8Array(2 * CLUSTER);
    await again.read(content, 0);
    expect([content[0], content[CLUSTER]]).toEqual([7, 8]);
  });

  it('does not let a bitmap give away an L2 table when it is removed', async () => {
    const opened = await newBitmaps({ size: 8 * MIB, clusterSize: CLUSTER });
    await opened.image.write(new Uint8Array(CLUSTER).fill(7), 0);
    const dirty = [[0, 1000]] as const;
    await put(opened, 'liar', bitmapOf(8 * MIB, { granularity: 512, dirty }));
    await opened.image.close();
    const { bytes } = opened.device;
    const { tableOffset } = opened.directory.records[0]!;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const l2Table = view.getBigUint64(Number(view.getBigUint64(at.l1TableOffset))) - EXCLUSIVE;
    view.setBigUint64(tableOffset, l2Table);

    const { device, image, directory, notices } = await openBitmaps(bytes);
    await remove({ directory }, 'liar');
    expect(notices).toEqual([expect.stringContaining("space of bitmap 'liar' was not given back")]);
    for (let i = 1; i < 40; i++) await image.write(new Uint8Array(CLUSTER).fill(i), i * CLUSTER);
    await image.close();
    const content = new Uint8Array(40 * CLUSTER);
    await (await openQcow2(device)).read(content, 0);
    for (let i = 0; i < 40; i++) expect(content[i * CLUSTER]).toBe(i === 0 ? 7 : i);
  });
});

describe('a cluster that is in use, but counted as free', () => {
  it('is not written as data once it has become an L2 table', async () => {
    const { device, image } = await newImage({
      size: 8 * MIB,
      clusterSize: CLUSTER,
      backing: { name: 'base' },
    });
    await image.write(new Uint8Array(CLUSTER).fill(7), 0);
    await image.close();
    new DataView(device.bytes.buffer).setUint16(REFCOUNT_BLOCK + (DATA / CLUSTER) * 2, 0);

    const broken = await openAnyway(device);
    // Takes the first free cluster for an L2 table, and no other.
    await broken.writeZeroes(4 * MIB, CLUSTER);
    const write = broken.write(new Uint8Array(CLUSTER).fill(9), 0);
    await expect(write).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
    await broken.close();
    const view = new DataView(device.bytes.buffer);
    expect(view.getBigUint64(L1_TABLE + 16)).toBe(EXCLUSIVE | BigInt(DATA));
    expect(view.getBigUint64(DATA)).toBe(1n);
  });

  it('is not written as data once it has become a refcount block', async () => {
    const options = { size: 8 * MIB, clusterSize: 512, refcountBits: 64 };
    const { device, image } = await newImage(options);
    const written = Uint8Array.from({ length: 100 * 512 }, (_, i) => 1 + (i >> 9));
    await image.write(written, 0);
    await image.close();
    const view = new DataView(device.bytes.buffer);
    // A block counts 64 clusters. Without the second, the 65th is free, and a block goes behind it.
    view.setBigUint64(Number(view.getBigUint64(at.refcountTableOffset)) + 8, 0n);
    const guestCluster = device.bytes[65 * 512]! - 1;

    const broken = await openAnyway(device);
    await broken.write(new Uint8Array(512).fill(200), 4 * MIB);
    const write = broken.write(new Uint8Array(512).fill(9), guestCluster * 512);
    await expect(write).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
  });
});
