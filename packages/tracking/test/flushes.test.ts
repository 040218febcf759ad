import { MemoryDevice } from '@tidemark/block';
import { RecordingDevice } from '@tidemark/block/testing';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { describe, expect, it } from 'vitest';
import { type BitmapAction, openTrackedDrive } from '../src/index.ts';

const MIB = 1 << 20;

/** A drive with live bitmaps in its own image, and how often its file was flushed so far. */
async function openDrive(size: number) {
  const file = new MemoryDevice({ size: 0 });
  await createQcow2(file, { size });
  const recorder = await RecordingDevice.startOn(file);
  const image = await openQcow2(recorder, { writable: true });
  const drive = await openTrackedDrive({
    device: image,
    label: 'd',
    stores: [await openQcow2Store(image)],
    writable: true,
    durability: 'live',
    clusterSize: 65_536,
  });
  const flushes = () => recorder.events.filter(({ op }) => op === 'flush').length;
  return { drive, flushes };
}

/**
 * A commit's own two; one of the drive's data, where bits on disk get clean; one of what lies on disk,
 * where a bitmap at rest begins to record.
 */
const ACTIONS: readonly (readonly [string, number, readonly BitmapAction[]])[] = [
  ['enable', 4, [{ op: 'enable', name: 'off' }]],
  ['disable', 3, [{ op: 'disable', name: 'a' }]],
  ['clear', 3, [{ op: 'clear', name: 'a' }]],
  ['merge', 3, [{ op: 'merge', target: 'a', sources: ['b'] }]],
  ['add', 3, [{ op: 'add', name: 'c', persistent: true }]],
  ['remove', 2, [{ op: 'remove', name: 'b' }]],
  [
    'a group',
    3,
    [
      { op: 'add', name: 'c', persistent: true },
      { op: 'clear', name: 'a' },
      { op: 'remove', name: 'b' },
    ],
  ],
];

describe.each([64 * MIB, 1024 * 1024 * MIB])('on a drive of %i bytes', (size) => {
  it.each(ACTIONS)('%s takes %i flushes', async (_, count, actions) => {
    const { drive, flushes } = await openDrive(size);
    for (const name of ['a', 'b', 'off']) {
      await drive.transaction([{ op: 'add', name, persistent: true, granularity: 65_536 }]);
    }
    await drive.transaction([{ op: 'disable', name: 'off' }]);
    for (let i = 0; i < 20; i++) await drive.device.write(new Uint8Array(512).fill(1), i * 3 * MIB);
    await drive.device.flush();
    const before = flushes();
    await drive.transaction(actions);
    expect(flushes() - before).toBe(count);
    await drive.close();
  });
});
