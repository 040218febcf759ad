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

/** What the next process sends to disk before the first byte of its first write. */
async function sentBeforeFirstWrite(memory: MemoryDevice): Promise<readonly string[]> {
  const next = await RecordingDevice.startOn(memory);
  const drive = await openDrive(next);
  await drive.device.write(new Uint8Array(512).fill(0xab), 0);
  const isData = (bytes: Uint8Array) => bytes.includes(0xab);
  const written = next.events.findIndex((event) => event.op === 'write' && isData(event.bytes));
  expect(written).toBeGreaterThanOrEqual(0);
  return next.events.slice(0, written).map(({ op }) => op);
}

it('A2: what lies on disk at open is synced before a write relies on it', async () => {
  const memory = new MemoryDevice({ size: 0 });
  await createQcow2(memory, { size: SIZE });
  const dead = await openDrive(await RecordingDevice.startOn(memory));
  await dead.transaction([{ op: 'add', name: 'a', persistent: true }]);
  await dead.device.write(new Uint8Array(512).fill(1), 0);
  // It dies here. Its marks may be in the system's cache alone, where the next one reads them.
  expect(await sentBeforeFirstWrite(memory)).toContain('flush');
});

it('A2: a removed bitmap cannot come back under writes that it does not record', async () => {
  const memory = new MemoryDevice({ size: 0 });
  await createQcow2(memory, { size: SIZE });
  const dead = await openDrive(await RecordingDevice.startOn(memory));
  await dead.transaction([{ op: 'add', name: 'a', persistent: true }]);
  await dead.transaction([{ op: 'remove', name: 'a' }]);
  // It dies here, and that 'a' is gone may be known to the system's cache alone.
  expect(await sentBeforeFirstWrite(memory)).toContain('flush');
});
