import { describe, expect, it } from 'vitest';
import { bytes, type Field, reserved, struct, toNumber, u16, u32, u64, u8 } from '../src/index.ts';

const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex');
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

/** qcow2.rst, "Bitmaps extension". */
const Extension = struct('bitmaps extension', {
  bitmapCount: u32,
  reserved: reserved(4),
  directorySize: u64,
  directoryOffset: u64,
});

describe('fields', () => {
  const values: readonly (readonly [string, Field<unknown>, unknown, string])[] = [
    ['u8', u8, 0, '00'],
    ['u8', u8, 255, 'ff'],
    ['u16', u16, 0x0102, '0102'],
    ['u16', u16, 65_535, 'ffff'],
    ['u32', u32, 0x514649fb, '514649fb'],
    ['u32', u32, 2 ** 32 - 1, 'ffffffff'],
    ['u64', u64, 1n, '0000000000000001'],
    ['u64', u64, 2n ** 53n + 1n, '0020000000000001'],
    ['u64', u64, 2n ** 64n - 1n, 'ffffffffffffffff'],
    ['reserved', reserved(3), null, '000000'],
    ['bytes', bytes(3), Uint8Array.of(1, 2, 3), '010203'],
    ['bytes', bytes(0), new Uint8Array(), ''],
  ];
  it.each(values)('%s: %s', (name, field, value, written) => {
    const spec = struct(name, { field });
    expect(spec.size).toBe(written.length / 2);
    expect(hex(spec.encode({ field: value }))).toBe(written);
    expect(spec.decode(unhex(written))).toEqual({ field: value });
  });

  const refused: readonly (readonly [string, Field<unknown>, unknown])[] = [
    ['u8', u8, 256],
    ['u8', u8, -1],
    ['u16', u16, 65_536],
    ['u32', u32, 2 ** 32],
    ['u32', u32, 1.5],
    ['u32', u32, Number.NaN],
    ['u64', u64, 2n ** 64n],
    ['u64', u64, -1n],
    ['bytes', bytes(3), new Uint8Array(2)],
    ['bytes', bytes(3), new Uint8Array(4)],
  ];
  it.each(refused)('%s refuses to write %o %s', (name, field, value) => {
    const spec = struct(name, { field });
    expect(() => spec.encode({ field: value })).toThrow(RangeError);
    expect(() => spec.encode({ field: value })).toThrow(`${name}.field: expected`);
  });

  it('of bytes are copied, not shared', () => {
    const spec = struct('name', { text: bytes(2) });
    const source = Uint8Array.of(1, 2);
    const { text } = spec.decode(source);
    source[0] = 9;
    expect([...text]).toEqual([1, 2]);
  });
});

describe('struct', () => {
  const values = {
    bitmapCount: 2,
    reserved: null,
    directorySize: 64n,
    directoryOffset: 0x10000n,
  };
  const written = '000000020000000000000000000000400000000000010000';

  it('knows its size and where each field lies', () => {
    expect(Extension.size).toBe(24);
    expect(Extension.offsetOf).toEqual({
      bitmapCount: 0,
      reserved: 4,
      directorySize: 8,
      directoryOffset: 16,
    });
  });

  it('reads what qemu-img wrote, and writes it again', () => {
    expect(Extension.decode(unhex(written))).toEqual(values);
    expect(hex(Extension.encode(values))).toBe(written);
  });

  it('reads and writes in the middle of other bytes, which stay', () => {
    const buffer = new Uint8Array(40).fill(0xee).subarray(4);
    const part = Extension.encode(values, buffer, 3);
    expect(hex(part)).toBe(written);
    expect(hex(buffer)).toBe(`eeeeee${written}${'ee'.repeat(9)}`);
    expect(Extension.decode(buffer, 3)).toEqual(values);
  });

  it.each([0, 1, 23])('refuses %d bytes, and says where and of what', (length) => {
    expect(() => Extension.decode(new Uint8Array(length))).toThrow(
      expect.objectContaining({
        code: 'IMAGE_CORRUPT',
        message: `bitmaps extension is cut short: ${length} of 24 bytes`,
        context: { struct: 'bitmaps extension', offset: 0 },
      }),
    );
  });

  it('refuses to read past the end', () => {
    expect(() => Extension.decode(new Uint8Array(30), 7)).toThrow('cut short: 23 of 24 bytes');
    expect(() => Extension.decode(new Uint8Array(30), 31)).toThrow('cut short: 0 of 24 bytes');
  });

  it('names field and offset of bytes that are not valid', () => {
    const source = unhex(`ff${written}`);
    source[8] = 1;
    expect(() => Extension.decode(source, 1)).toThrow(
      expect.objectContaining({
        code: 'IMAGE_CORRUPT',
        message: 'bitmaps extension.reserved is not valid',
        context: { struct: 'bitmaps extension', field: 'reserved', offset: 5 },
        cause: expect.objectContaining({ message: 'reserved bytes must be zero' }),
      }),
    );
  });

  it('fails with the code that it was declared with', () => {
    const Request = struct('request', { magic: u32 }, { errorCode: 'PROTOCOL_ERROR' });
    expect(() => Request.decode(new Uint8Array(3))).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_ERROR' }),
    );
  });

  it('does not write past the end of its target', () => {
    expect(() => Extension.encode(values, new Uint8Array(23))).toThrow(RangeError);
  });
});

describe('toNumber', () => {
  it.each([0n, 1n, 2n ** 53n - 1n])('gives %d as it is', (value) => {
    expect(BigInt(toNumber(value, 'size'))).toBe(value);
  });

  it.each([2n ** 53n, 2n ** 64n - 1n, -1n])('refuses %d, and says what it is of', (value) => {
    expect(() => toNumber(value, 'directory size')).toThrow(
      expect.objectContaining({
        code: 'IMAGE_CORRUPT',
        message: `directory size is ${value}, which is not from 0 to 2^53 - 1`,
      }),
    );
  });
});
