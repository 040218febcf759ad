import { MemoryDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { expect, it } from 'vitest';
import { createQcow2, openQcow2 } from '../src/index.ts';

const SIZE = 2 ** 20;

class FailingFlush extends MemoryDevice {
  override async flush(): Promise<void> {
    throw new TidemarkError('IO_FAILED', 'the data is lost');
  }
}

it('takes no change any more once its data file could not be flushed', async () => {
  const device = new MemoryDevice({ size: 0 });
  await createQcow2(device, { size: SIZE, dataFile: { name: 'raw' } });
  const data = new FailingFlush({ size: SIZE });
  const image = await openQcow2(device, { writable: true, openDataFile: async () => data });
  const bytes = new Uint8Array(512).fill(1);
  await image.write(bytes, 0);
  expect(image.writeNow(bytes, 512)).toBe(true);
  const lost = { code: 'IO_FAILED' };
  await expect(image.flush()).rejects.toMatchObject(lost);
  expect(image.writeNow(bytes, 1024)).toBe(false);
  await expect(image.write(bytes, 1024)).rejects.toMatchObject(lost);
  await expect(image.writeZeroes(0, 4096)).rejects.toMatchObject(lost);
  await expect(image.discard(0, 4096)).rejects.toMatchObject(lost);
  await expect(image.flush()).rejects.toMatchObject(lost);
  await expect(image.close()).rejects.toMatchObject(lost);
});
