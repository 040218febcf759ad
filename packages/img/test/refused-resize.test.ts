import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { runOurs } from './support/both.ts';

const MIB = 1024 * 1024;
const dir = tempDir();

it('a resize that is refused for a bitmap leaves the image as it was, also its length', async () => {
  const path = join(dir, 'left.qcow2');
  await runOurs(dir, ['create', '-q', '-f', 'qcow2', path, '1M']);
  const device = await openFileDevice(path, { writable: true, lock: false });
  const store = await openQcow2Store(await openQcow2(device, { writable: true }));
  const content = new DirtyBitmap(MIB, 65_536);
  await store.commit([{ op: 'create', name: 'b', enabled: true, content, acquire: true }]);
  // Whoever had it in use is gone.
  await device.close();
  const before = readFileSync(path);
  for (const how of ['off', 'metadata', 'falloc', 'full']) {
    const { code, stderr } = await runOurs(dir, ['resize', `--preallocation=${how}`, path, '8M']);
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("'b' is inc"),
    });
    expect(readFileSync(path).equals(before), how).toBe(true);
  }
});
