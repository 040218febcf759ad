import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BitmapFile,
  decodeBitmapFile,
  DirtyBitmap,
  encodeBitmapFile,
  type FiledBitmap,
  isTidemarkError,
} from '../src/index.ts';

const MIB = 2 ** 20;

function encoded(file: BitmapFile): Buffer {
  return Buffer.concat([...encodeBitmapFile(file)]);
}

/** With a checksum that fits, so that what is read is looked at. */
function sealed(content: Uint8Array): Buffer {
  return Buffer.concat([content, createHash('sha256').update(content).digest()]);
}

const runs = fc.array(fc.tuple(fc.nat(), fc.nat(64 * MIB)), { maxLength: 8 });

const filed = (diskSize: number): fc.Arbitrary<FiledBitmap> =>
  fc
    .record({
      name: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
      enabled: fc.boolean(),
      isUntrusted: fc.boolean(),
      checkpoint: fc.option(fc.stringMatching(/^[0-9a-f]{32}$/), { nil: undefined }),
      bits: fc.integer({ min: 9, max: 20 }),
      runs,
    })
    .filter(({ name }) => !name.includes('\0') && name.isWellFormed())
    .map(({ bits, runs: marks, ...bitmap }) => {
      const content = new DirtyBitmap(diskSize, 2 ** bits);
      for (const [at, length] of marks) {
        if (diskSize === 0) break;
        const offset = at % diskSize;
        content.set(offset, Math.min(length, diskSize - offset));
      }
      return { ...bitmap, content };
    });

const files = fc
  .oneof(fc.nat(512 * MIB), fc.constantFrom(0, 1, 2 ** 33, 2 ** 33 + 1))
  .chain((diskSize) =>
    fc.record({
      diskSize: fc.constant(diskSize),
      origin: fc.string({ unit: 'grapheme' }),
      bitmaps: fc.uniqueArray(filed(diskSize), { maxLength: 4, selector: ({ name }) => name }),
    }),
  );

describe('a file of bitmaps', () => {
  it('reads as it was written', () => {
    fc.assert(
      fc.property(files, (file) => {
        const read = decodeBitmapFile(encoded(file), 'f');
        expect({ ...read, bitmaps: read.bitmaps.map(({ content: _, ...rest }) => rest) }).toEqual({
          ...file,
          bitmaps: file.bitmaps.map(({ content: _, checkpoint, ...rest }) => ({
            ...rest,
            ...(checkpoint !== undefined && { checkpoint }),
          })),
        });
        for (const [index, { content }] of file.bitmaps.entries()) {
          expect(read.bitmaps[index]!.content.equals(content)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('takes next to nothing for parts that are all alike', () => {
    // Two pieces, and a bit in a third one.
    const diskSize = 2 * MIB * 8 * 512 + 512;
    const content = new DirtyBitmap(diskSize, 512);
    content.set(0, diskSize / 2);
    const bitmap = { name: 'b', enabled: true, isUntrusted: false, content };
    const file = encoded({ diskSize, origin: '', bitmaps: [bitmap] });
    expect(file.length).toBeLessThan(2048);
    expect(decodeBitmapFile(file, 'f').bitmaps[0]!.content.equals(content)).toBe(true);
    content.setAll();
    const all = encoded({ diskSize, origin: '', bitmaps: [bitmap] });
    expect(all.length).toBeLessThan(200);
    expect(decodeBitmapFile(all, 'f').bitmaps[0]!.content.equals(content)).toBe(true);
  });

  it('is refused wherever it is cut, and whichever byte of it differs', () => {
    const content = new DirtyBitmap(MIB, 4096);
    content.set(0, 5000);
    const bitmap = { name: 'b', enabled: true, isUntrusted: false, content };
    const file = encoded({ diskSize: MIB, origin: '{}', bitmaps: [bitmap] });
    const codes = ['IMAGE_CORRUPT', 'IMAGE_UNRECOGNIZED', 'IMAGE_UNSUPPORTED'];
    const refused = (bytes: Buffer): boolean => {
      try {
        decodeBitmapFile(bytes, 'f');
        return false;
      } catch (error) {
        return isTidemarkError(error) && codes.includes(error.code);
      }
    };
    for (let length = 0; length < file.length; length++) {
      expect(refused(file.subarray(0, length)), `${length} bytes`).toBe(true);
    }
    for (let at = 0; at < file.length; at++) {
      const other = Buffer.from(file);
      other[at]! ^= 1 << (at % 8);
      expect(refused(other), `byte ${at}`).toBe(true);
    }
    expect(refused(Buffer.concat([file, Buffer.alloc(1)]))).toBe(true);
  });

  it('that is made up with a checksum that fits is refused, or is a file of bitmaps', () => {
    fc.assert(
      fc.property(
        files,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (file, changes) => {
          const content = encoded(file).subarray(0, -32);
          for (const [at, byte] of changes) content[at % Math.min(content.length, 200)] = byte;
          try {
            const read = decodeBitmapFile(sealed(content), 'f');
            decodeBitmapFile(encoded(read), 'f');
          } catch (error) {
            if (!isTidemarkError(error)) throw error;
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('does not take more memory than its bitmaps, whatever is packed into it', () => {
    const content = new DirtyBitmap(MIB, 512);
    content.set(512, 512);
    const bitmap = { name: 'b', enabled: true, isUntrusted: false, content };
    const file = encoded({ diskSize: MIB, origin: '', bitmaps: [bitmap] }).subarray(0, -32);
    // A drive of another size has other pieces.
    file.writeBigUInt64BE(BigInt(MIB / 2), 16);
    expect(() => decodeBitmapFile(sealed(file), 'f')).toThrow(/piece/);
    file.writeBigUInt64BE(BigInt(2 * MIB), 16);
    expect(() => decodeBitmapFile(sealed(file), 'f')).toThrow(/a piece has 256 bytes/);
    file.writeBigUInt64BE(2n ** 60n, 16);
    expect(() => decodeBitmapFile(sealed(file), 'f')).toThrow(
      expect.objectContaining({ name: 'TidemarkError' }),
    );
  });
});
