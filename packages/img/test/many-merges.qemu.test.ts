import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { expect, it } from 'vitest';
import { qemuSha256 } from '../../../tools/qemu-bitmaps.ts';
import { describeWithQemu, tempDir } from '../../../tools/qemu.ts';
import { runOurs } from './support/both.ts';

const SIZE = 64 * 1024 * 1024;
const COUNT = 100;

/** With a hundred bitmaps of three granularities, each dirty somewhere else. */
async function makeImage(path: string): Promise<DirtyBitmap> {
  const all = new DirtyBitmap(SIZE, 65_536);
  const file = await openFileDevice(path, { writable: true, create: 'exclusive' });
  await createQcow2(file, { size: SIZE });
  await using image = await openQcow2(file, { writable: true });
  await using store = await openQcow2Store(image);
  await store.commit(
    Array.from({ length: COUNT }, (_, i) => {
      const content = new DirtyBitmap(SIZE, [512, 65_536, 2 ** 20][i % 3]!);
      content.set(i * 600_000, 1000);
      all.merge(content);
      return { op: 'create', name: `b${i}`, enabled: true, content } as const;
    }),
  );
  return all;
}

describeWithQemu('a hundred bitmaps', ['qemu-storage-daemon'], () => {
  const dir = tempDir();

  it.each([[], ['-b', 'source.qcow2', '-F', 'qcow2']])(
    'are merged in one call, as bits of all of them: %s',
    async (...from) => {
      const [source, image] = [join(dir, 'source.qcow2'), join(dir, `image${from.length}.qcow2`)];
      const expected = await makeImage(from.length === 0 ? image : source);
      if (from.length > 0) copyFileSync(source, image);
      const merges = Array.from({ length: COUNT }, (_, i) => ['--merge', `b${i}`]).flat();
      const words = ['bitmap', '--add', ...merges, ...from, image, 'sum'];
      expect(await runOurs(dir, words)).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(await qemuSha256(image, ['sum'])).toEqual({ sum: expected.sha256() });
    },
  );
});
