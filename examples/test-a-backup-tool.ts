// A test of one's own backup tool, without a file: a disk and its bitmaps in memory.
//   node --test examples/test-a-backup-tool.ts
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import type { DirtyBitmap } from '@tidemark/core';
import { MemoryDisk, openMemoryStore } from '@tidemark/store-memory';
import { openTrackedDrive } from '@tidemark/tracking';

/** The tool: copies what a bitmap calls dirty. */
async function copyDirty(from: BlockDevice, to: BlockDevice, dirty: DirtyBitmap): Promise<void> {
  for (const { offset, length } of dirty.dirtyExtents()) {
    const bytes = Buffer.alloc(length);
    await from.read(bytes, offset);
    await to.write(bytes, offset);
  }
}

void test('an increment brings a copy up to date', async () => {
  const size = 2 ** 24;
  const copy = new MemoryDevice({ size });
  await using drive = await openTrackedDrive({
    device: new MemoryDevice({ size }),
    label: 'disk',
    stores: [await openMemoryStore(new MemoryDisk(size))],
    writable: true,
    select: [{ name: 'nightly', create: true }],
  });
  for (let i = 0; i < 50; i++) {
    const bytes = Buffer.alloc(1 + Math.floor(Math.random() * 100_000), i + 1);
    await drive.device.write(bytes, Math.floor(Math.random() * (size - bytes.length)));
  }
  await copyDirty(drive.device, copy, await drive.load('nightly'));
  const [expected, found] = [Buffer.alloc(size), Buffer.alloc(size)];
  await drive.device.read(expected, 0);
  await copy.read(found, 0);
  assert.ok(expected.equals(found));
});
