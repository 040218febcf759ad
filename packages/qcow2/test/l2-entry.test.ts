import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { geometryOf } from '../src/geometry.ts';
import {
  type ClusterEntry,
  EMPTY_ENTRY,
  partOf,
  partsAlike,
  partsTouched,
  readEntry,
  writeEntry,
} from '../src/mapping/cluster-entry.ts';
import { decodeL2Entry } from '../src/mapping/l2-entry.ts';

const geometry = geometryOf({ clusterBits: 16, refcountOrder: 4 });
const extended = geometryOf({ clusterBits: 16, refcountOrder: 4, extendedL2: true });

function decode(entry: bigint, version = 3, clusterBits = 16) {
  const rules = { geometry: geometryOf({ clusterBits, refcountOrder: 4 }), version };
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

  const own = { ...EMPTY_ENTRY, exclusive: true };
  const shared = { ...EMPTY_ENTRY, host: 0x7_0000 };

  it.each<[ClusterEntry, bigint]>([
    [EMPTY_ENTRY, 0n],
    [{ ...EMPTY_ENTRY, zero: 1 }, 1n],
    [{ ...own, host: 0x50000, zero: 1 }, 0x8000_0000_0005_0001n],
    [{ ...own, host: 0x12_0000_0000_0000, data: 1 }, 0x8012_0000_0000_0000n],
    [{ ...shared, data: 1 }, 0x7_0000n],
  ])('are written: %j', (entry, bits) => {
    const view = new DataView(new ArrayBuffer(16));
    writeEntry(view, 8, entry, geometry);
    expect(view.getBigUint64(8)).toBe(bits);
    expect(view.getBigUint64(0)).toBe(0n);
    expect(readEntry(view, 8, { geometry, version: 3 })).toEqual(entry);
  });

  it.each<[ClusterEntry, bigint, bigint]>([
    [{ ...EMPTY_ENTRY, zero: 0x8000_0001 }, 0n, 0x8000_0001_0000_0000n],
    [{ ...own, host: 0x50000, data: 0xffff_ffff }, 0x8000_0000_0005_0000n, 0xffff_ffffn],
    [{ ...own, host: 0x50000, data: 1, zero: 2 }, 0x8000_0000_0005_0000n, 0x2_0000_0001n],
    [{ ...shared, data: 0x8000_0000 }, 0x7_0000n, 0x8000_0000n],
    [{ ...own, host: 0x50000 }, 0x8000_0000_0005_0000n, 0n],
  ])('that are extended are written: %j', (entry, bits, parts) => {
    const view = new DataView(new ArrayBuffer(16));
    writeEntry(view, 0, entry, extended);
    expect([view.getBigUint64(0), view.getBigUint64(8)]).toEqual([bits, parts]);
    expect(readEntry(view, 0, { geometry: extended, version: 3 })).toEqual(entry);
  });

  it.each([
    ['a zero flag', 0x8000_0000_0005_0001n, 0n, /reserved/],
    ['a subcluster of both kinds', 0x8000_0000_0005_0000n, 0x1_0000_0001n, /both/],
    ['data nowhere', 0n, 1n, /no cluster/],
  ])('that are extended are refused with %s', (_, bits, parts, problem) => {
    const view = new DataView(new ArrayBuffer(16));
    view.setBigUint64(0, bits);
    view.setBigUint64(8, parts);
    expect(readEntry(view, 0, { geometry: extended, version: 3 })).toMatch(problem);
  });

  it('that are extended tell runs of parts, as each part alone does', () => {
    const bits = fc.integer({ min: 0, max: 0xffff_ffff });
    const few = fc.array(fc.nat(31), { maxLength: 4 }).map((ones) => ones.reduce(withBit, 0));
    const property = fc.property(
      fc.oneof(bits, few),
      fc.oneof(bits, few),
      fc.nat(31),
      (a, b, at) => {
        const entry = { ...own, host: 0x50000, data: a, zero: (b & ~a) >>> 0 };
        let end = at;
        while (end < 32 && partOf(entry, end).kind === partOf(entry, at).kind) end++;
        expect(partsAlike(entry, at, extended)).toBe(end - at);
      },
    );
    fc.assert(property);
  });

  it('tell which parts a range touches', () => {
    expect(partsTouched(0, 1, geometry)).toBe(1);
    expect(partsTouched(100, 70_000, geometry)).toBe(1);
    expect(partsTouched(0, 65_536, extended)).toBe(0xffff_ffff);
    expect(partsTouched(2047, 2049, extended)).toBe(3);
    expect(partsTouched(2048, 4096, extended)).toBe(2);
    expect(partsTouched(63_488, 99_999, extended)).toBe(0x8000_0000);
  });
});

function withBit(bits: number, bit: number): number {
  return (bits | (1 << bit)) >>> 0;
}
