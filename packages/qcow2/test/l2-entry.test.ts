import { describe, expect, it } from 'vitest';
import { geometryOf } from '../src/geometry.ts';
import { decodeL2Entry, type NewMapping, writeL2Entry } from '../src/mapping/l2-entry.ts';

const geometry = geometryOf(16, 4);

function decode(entry: bigint, version = 3, clusterBits = 16) {
  const rules = { geometry: geometryOf(clusterBits, 4), version };
  return decodeL2Entry(Number(entry >> 32n), Number(entry & 0xffff_ffffn), rules);
}

describe('L2 entries', () => {
  it.each([
    ['nothing', 0n, { kind: 'unallocated' }],
    ['data', 0x8000_0000_0005_0000n, { kind: 'data', host: 0x50000, exclusive: true }],
    ['shared data', 0x5_0000n, { kind: 'data', host: 0x50000, exclusive: false }],
    ['zeros', 1n, { kind: 'zero', host: undefined, exclusive: false }],
    [
      'preallocated zeros',
      0x8000_0000_0005_0001n,
      { kind: 'zero', host: 0x50000, exclusive: true },
    ],
    [
      'the highest offset',
      0x000f_ffff_ffff_0000n,
      {
        kind: 'data',
        host: 0x000f_ffff_ffff_0000,
        exclusive: false,
      },
    ],
    // Made by qemu-img convert -c: two sectors, so up to 1024 bytes.
    [
      'compressed data',
      0x4040_0000_0005_0000n,
      { kind: 'compressed', host: 0x50000, length: 1024 },
    ],
    [
      'compressed data that is not aligned',
      0x4000_0000_0005_0123n,
      {
        kind: 'compressed',
        host: 0x50123,
        length: 512 - 0x123,
      },
    ],
  ])('tell %s', (_, entry, mapping) => {
    expect(decode(entry)).toEqual(mapping);
  });

  it('split compressed entries by the cluster size', () => {
    // 512 bytes: 61 bits of offset and one of sectors; 2 MiB: 49 and 13.
    expect(decode(0x6000_0000_0000_0200n, 3, 9)).toEqual({
      kind: 'compressed',
      host: 512,
      length: 1024,
    });
    expect(decode(0x7ffe_0000_0000_0000n, 3, 21)).toEqual({
      kind: 'compressed',
      host: 0,
      length: 8192 * 512,
    });
  });

  it.each([
    ['low reserved bits', 0x5_0002n, 3, /reserved/],
    ['high reserved bits', 0x0100_0000_0005_0000n, 3, /reserved/],
    ['an offset inside a cluster', 0x5_0200n, 3, /cluster's start/],
    ['a zero flag in version 2', 1n, 2, /version 2/],
    ['compressed data that may be written in place', 0xc040_0000_0005_0000n, 3, /compressed/],
  ])('with %s are refused', (_, entry, version, problem) => {
    expect(decode(entry, version)).toMatch(problem);
  });

  it.each<[NewMapping, bigint]>([
    [{ kind: 'unallocated' }, 0n],
    [{ kind: 'zero' }, 1n],
    [{ kind: 'zero', host: 0x50000 }, 0x8000_0000_0005_0001n],
    [{ kind: 'data', host: 0x12_0000_0000_0000 }, 0x8012_0000_0000_0000n],
  ])('write %j', (mapping, entry) => {
    const view = new DataView(new ArrayBuffer(16));
    writeL2Entry(view, 8, mapping);
    expect(view.getBigUint64(8)).toBe(entry);
    expect(view.getBigUint64(0)).toBe(0n);
    const read = decodeL2Entry(view.getUint32(8), view.getUint32(12), { geometry, version: 3 });
    expect(read).toMatchObject(mapping);
  });
});
