import { describe, expect, it } from 'vitest';
import { openQcow2 } from '../src/index.ts';
import { broken, CLUSTER, u64 } from './support/broken-image.ts';

describe('an image with a wrong entry in a table', () => {
  it.each([
    ['an L1 entry with reserved bits', 0x3000, 0x8000_0000_0000_5001n, 'L1 table'],
    ['an L1 entry inside a cluster', 0x3000, 0x8000_0000_0000_5200n, 'L1 table'],
    ['an L1 entry behind the file', 0x3000, 0x80ff_ffff_ffff_f000n, 'L1 table'],
    ['an L2 entry with reserved bits', 0x5000, 0x8000_0000_0000_4002n, 'L2 table'],
    ['an L2 entry inside a cluster', 0x5000, 0x8000_0000_0000_4200n, 'L2 table'],
    ['an L2 entry behind the file', 0x5000, 0x80ff_ffff_ffff_f000n, 'L2 table'],
    ['compressed data behind the file', 0x5000, 0x4000_ffff_ffff_f000n, 'L2 table'],
    ['compressed data that is none', 0x5000, 0x4000_0000_0000_4000n, 'compressed cluster'],
  ])('is refused when %s is used', async (_, offset, entry, struct) => {
    const device = await broken(u64(offset, entry));
    const image = await openQcow2(device, { writable: true });
    const read = image.read(new Uint8Array(10), 0);
    await expect(read).rejects.toMatchObject({ code: 'IMAGE_CORRUPT', context: { struct } });
    expect(device.log).toEqual([]);
  });

  it.each([
    ['the refcount table', 0x1000n],
    ['a refcount block', 0x2000n],
    ['the L1 table', 0x3000n],
    ['the L2 table', 0x5000n],
  ])('does not let guest data overwrite %s', async (_, host) => {
    const device = await broken(u64(0x5000, 0x8000_0000_0000_0000n | host));
    const before = device.bytes.slice();
    const image = await openQcow2(device, { writable: true });
    const write = image.write(new Uint8Array(10), 0);
    await expect(write).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
    expect(device.bytes).toEqual(before);
  });

  it.each([
    ['the header', 0],
    ['the refcount table', 1],
    ['a refcount block', 2],
    ['the L1 table', 3],
    ['an L2 table', 5],
  ])('does not give away the cluster of %s when it is counted as free', async (_, cluster) => {
    const device = await broken((view) => view.setUint16(0x2000 + cluster * 2, 0));
    const before = device.bytes.slice();
    const image = await openQcow2(device, { writable: true });
    const write = image.write(new Uint8Array(10), 8 * CLUSTER);
    await expect(write).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
    expect(device.bytes).toEqual(before);
  });

  it('is refused when a refcount block lies behind its end', async () => {
    const device = await broken(u64(0x1000, 0xff000000n));
    const image = await openQcow2(device, { writable: true });
    const write = image.write(new Uint8Array(10), 8 * CLUSTER);
    await expect(write).rejects.toMatchObject({
      code: 'IMAGE_CORRUPT',
      context: { struct: 'refcount table', offset: 0x1000 },
    });
  });
});
