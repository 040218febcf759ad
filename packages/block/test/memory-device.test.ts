import { MemoryDevice } from '@tidemark/block';
import { expect, it } from 'vitest';
import { extentsOf, pattern, readBytes } from '../../../tools/device/bytes.ts';

const TIB = 2 ** 40;

it('holds a few bytes anywhere on a terabyte, and knows the rest to be zeros', async () => {
  const device = new MemoryDevice({ size: TIB });
  await device.write(pattern(10), TIB - 10);
  await device.write(pattern(10), TIB / 2);
  expect(await readBytes(device, TIB - 11, 11)).toEqual(Uint8Array.from([0, ...pattern(10)]));
  expect(await extentsOf(device)).toEqual([
    { offset: 0, length: TIB / 2, zero: true, allocated: false },
    { offset: TIB / 2, length: 4096, zero: false, allocated: true },
    { offset: TIB / 2 + 4096, length: TIB / 2 - 8192, zero: true, allocated: false },
    { offset: TIB - 4096, length: 4096, zero: false, allocated: true },
  ]);
});

it('makes zeros of a terabyte at once, and forgets what it held', async () => {
  const device = new MemoryDevice({ size: TIB });
  for (let index = 0; index < 100; index++) await device.write(pattern(9), index * 2 ** 33);
  await device.writeZeroes(0, TIB);
  expect(await extentsOf(device)).toEqual([
    { offset: 0, length: TIB, zero: true, allocated: false },
  ]);
});

it('keeps no pages of zeros that are written where nothing was', async () => {
  const device = new MemoryDevice({ size: TIB });
  await device.write(new Uint8Array(100_000), 12_345);
  expect((await extentsOf(device)).map(({ allocated }) => allocated)).toEqual([false]);
});

it('refuses a size that is none', () => {
  for (const size of [-1, 0.5, Number.NaN, 2 ** 53]) {
    expect(() => new MemoryDevice({ size })).toThrow(RangeError);
  }
});
