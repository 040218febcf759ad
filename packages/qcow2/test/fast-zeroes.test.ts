import { expect, it } from 'vitest';
import { newImage, readAll } from './support/images.ts';

const KIB = 1024;
const fast = true;

it('makes zeros of whole clusters without writing them, and refuses others unchanged', async () => {
  const { image } = await newImage({ size: 64 * KIB, clusterSize: 4 * KIB });
  await image.write(new Uint8Array(64 * KIB).fill(5), 0);
  for (const [offset, length] of [
    [0, 512],
    [4 * KIB, 4 * KIB + 1],
    [1, 63 * KIB],
  ] as const) {
    await expect(image.writeZeroes(offset, length, { fast })).rejects.toMatchObject({
      code: 'DEVICE_UNSUPPORTED',
    });
  }
  expect((await readAll(image)).every((byte) => byte === 5)).toBe(true);
  await image.writeZeroes(8 * KIB, 56 * KIB, { fast, unmap: false });
  const content = await readAll(image);
  expect(content.indexOf(0)).toBe(8 * KIB);
  expect(content.subarray(8 * KIB).every((byte) => byte === 0)).toBe(true);
  await image.close();
});

it('refuses them where an old image shows its backing file otherwise, or must keep the space', async () => {
  const { image } = await newImage({ size: 64 * KIB, clusterSize: 4 * KIB, version: 2 });
  await image.write(new Uint8Array(64 * KIB).fill(5), 0);
  await expect(image.writeZeroes(0, 4 * KIB, { fast, unmap: false })).rejects.toMatchObject({
    code: 'DEVICE_UNSUPPORTED',
  });
  await image.writeZeroes(0, 4 * KIB, { fast });
  expect((await readAll(image)).indexOf(5)).toBe(4 * KIB);
  await image.close();
});
