import { MemoryDevice } from '@tidemark/block';
import { RecordingDevice } from '@tidemark/block/testing';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { expect, it } from 'vitest';
import { openTrackedDrive } from '../src/index.ts';

const SIZE = 1 << 20;

async function openDrive(file: RecordingDevice) {
  const image = await openQcow2(file, { writable: true });
  return openTrackedDrive({
    device: image,
    label: 'd',
    stores: [await openQcow2Store(image)],
    writable: true,
    durability: 'live',
    clusterSize: 65_536,
  });
}

it('A2: what lies on disk at open is synced before a write relies on it', async () => {
  const memory = new MemoryDevice({ size: 0 });
  await createQcow2(memory, { size: SIZE });
  const first = await RecordingDevice.startOn(memory);
  const dead = await openDrive(first);
  await dead.transaction([{ op: 'add', name: 'a', persistent: true }]);
  await dead.device.write(new Uint8Array(512).fill(1), 0);
  // It dies here. Its marks may be in the system's cache alone, where the next one reads them.
  const second = await RecordingDevice.startOn(memory);
  const drive = await openDrive(second);
  const data = new Uint8Array(512).fill(0xab);
  await drive.device.write(data, 0);
  const isData = (bytes: Uint8Array) => bytes.includes(0xab);
  const written = second.events.findIndex((event) => event.op === 'write' && isData(event.bytes));
  expect(written).toBeGreaterThan(0);
  expect(second.events.slice(0, written).map(({ op }) => op)).toContain('flush');
});
