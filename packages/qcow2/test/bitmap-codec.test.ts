import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeName } from '../src/bitmaps/bitmap-name.ts';
import { decodeDirectory, encodeEntry, withFlags } from '../src/bitmaps/directory-codec.ts';
import { tableSizeFor } from '../src/bitmaps/spec.ts';
import { decodeTable, encodeTable, tableRuns } from '../src/bitmaps/table-codec.ts';

/** The directory of an image that QEMU 7.2 made: 'alpha' records, 'beta' is disabled. */
const QEMU_DIRECTORY = Buffer.from(
  '000000000000e0000000000100000002010c000500000000616c706861000000' +
    '000000000000f0000000000100000000010f0004000000006265746100000000',
  'hex',
);

const source = { where: 'test', offset: 0x10000 };
const decode = (bytes: Uint8Array, bitmapCount: number) =>
  decodeDirectory({ ...source, bytes, bitmapCount });

describe('the bitmap directory', () => {
  it('is read as QEMU writes it', () => {
    expect(decode(QEMU_DIRECTORY, 2)).toMatchObject([
      { name: 'alpha', granularity: 4096, enabled: true, inUse: false, tableOffset: 0xe000 },
      { name: 'beta', granularity: 32_768, enabled: false, inUse: false, tableOffset: 0xf000 },
    ]);
  });

  it('is written as QEMU writes it', () => {
    const entries = decode(QEMU_DIRECTORY, 2).map((entry) => encodeEntry(entry));
    expect(Buffer.concat(entries.map(({ bytes }) => bytes))).toEqual(QEMU_DIRECTORY);
  });

  it('has the flags at the place where QEMU sets them', () => {
    const [alpha] = decode(QEMU_DIRECTORY, 2);
    const { bytes } = withFlags(alpha!, { enabled: true, inUse: true });
    expect(bytes[15]).toBe(3);
    expect(withFlags({ ...alpha!, bytes }, { enabled: false, inUse: false }).bytes[15]).toBe(0);
    expect(alpha!.bytes[15]).toBe(2);
  });

  it('comes back as it was written, whatever the entries', () => {
    const entry = fc.record({
      nameBytes: fc
        .uint8Array({ minLength: 1, maxLength: 40 })
        .map((bytes) => bytes.map((b) => b || 1)),
      granularity: fc.integer({ min: 9, max: 31 }).map((bits) => 2 ** bits),
      enabled: fc.boolean(),
      inUse: fc.boolean(),
      tableOffset: fc.integer({ min: 1, max: 2 ** 30 }).map((cluster) => cluster * 512),
      tableSize: fc.integer({ min: 1, max: 2 ** 20 }),
    });
    const list = fc.uniqueArray(entry, {
      maxLength: 8,
      selector: ({ nameBytes }) => Buffer.from(nameBytes).toString('hex'),
    });
    const property = fc.property(list, (entries) => {
      const written = entries.map((fields) =>
        encodeEntry({ ...fields, name: decodeName(fields.nameBytes) }),
      );
      const bytes = Buffer.concat(written.map((record) => record.bytes));
      expect(bytes.length % 8).toBe(0);
      const read = decode(bytes, entries.length);
      expect(
        read.map(({ bytes: own, nameBytes, ...record }) => ({
          ...record,
          nameBytes: [...nameBytes],
          bytes: own.length,
        })),
      ).toEqual(
        written.map(({ bytes: own, nameBytes, ...record }) => ({
          ...record,
          nameBytes: [...nameBytes],
          bytes: own.length,
        })),
      );
    });
    fc.assert(property);
  });

  it('is refused or read, and never anything else, whatever bytes it has', () => {
    const property = fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.nat({ max: 63 }),
      fc.nat({ max: 255 }),
      (noise, at, value) => {
        const bytes = new Uint8Array(QEMU_DIRECTORY);
        bytes.set(noise.subarray(0, 64 - at), at);
        bytes[at] = value;
        const outcome = outcomeOf(() => decode(bytes, 2));
        expect(['read', 'IMAGE_CORRUPT']).toContain(outcome);
      },
    );
    fc.assert(property, { numRuns: 500 });
  });
});

function outcomeOf(act: () => unknown): unknown {
  try {
    act();
    return 'read';
  } catch (error) {
    return Object(error)['code'];
  }
}

describe('names of bitmaps', () => {
  it('are equal as text just when they are equal as bytes', () => {
    // Bytes of which some are UTF-8 and some are parts of it.
    const bytes = fc.array(
      fc.constantFrom(0x41, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 0xff, 0xed, 0xa0),
      { maxLength: 6 },
    );
    const property = fc.property(bytes, bytes, (a, b) => {
      const same = decodeName(Uint8Array.from(a)) === decodeName(Uint8Array.from(b));
      expect(same).toBe(a.join(' ') === b.join(' '));
    });
    fc.assert(property, { numRuns: 3000 });
  });

  it('that are UTF-8 are that text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
        expect(decodeName(new TextEncoder().encode(name))).toBe(name);
      }),
    );
  });
});

describe('a bitmap table', () => {
  const CLUSTER = 4096;
  const entry = fc.oneof(
    fc.constantFrom(0, 1),
    fc.integer({ min: 1, max: 40 }).map((cluster) => cluster * CLUSTER),
    fc.integer({ min: 1, max: 2 ** 43 }).map((cluster) => cluster * CLUSTER),
  );

  it('comes back as it was written', () => {
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const bytes = new Uint8Array(entries.length * 8);
        encodeTable(Float64Array.from(entries), bytes);
        const table = { where: 'test', bitmap: 'a', offset: 0, clusterSize: CLUSTER, bytes };
        expect([...decodeTable(table)]).toEqual(entries);
      }),
    );
  });

  it('is cut into runs that say the same as its entries', () => {
    const property = fc.property(
      fc.array(entry),
      fc.integer({ min: 1, max: 9 }),
      (entries, max) => {
        const said: number[] = [];
        for (const { index, count, start } of tableRuns(Float64Array.from(entries), CLUSTER, max)) {
          expect(index).toBe(said.length);
          expect(count).toBeGreaterThan(0);
          expect(count).toBeLessThanOrEqual(start > 1 ? max : entries.length);
          for (let i = 0; i < count; i++) said.push(start > 1 ? start + i * CLUSTER : start);
        }
        expect(said).toEqual(entries);
      },
    );
    fc.assert(property);
  });

  it.each([
    // Of QEMU: bits, in bytes, in clusters.
    [1 << 20, 4096, 4096, 1],
    [1 << 20, 512, 512, 1],
    [3 << 20, 512, 512, 2],
    [2 ** 40, 65_536, 65_536, 32],
    [2 ** 41, 512, 65_536, 8192],
    [1, 512, 512, 1],
  ])('of %i bytes at %i to a bit, in clusters of %i, has %i entries', (...row) => {
    const [size, granularity, clusterSize, entries] = row;
    expect(tableSizeFor(size, granularity, clusterSize)).toBe(entries);
  });
});
