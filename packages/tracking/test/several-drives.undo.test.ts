import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import { FaultDevice } from '@tidemark/block/testing';
import { CheckpointFolder, openCheckpointed } from '@tidemark/checkpoint';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { expect, it } from 'vitest';
import { FOLDER, VolatileFiles } from '../../../tools/device/volatile-files.ts';
import { openTrackedDrive, runTransaction } from '../src/index.ts';
import { created, GRANULE, SIZE, touch } from './support/drives.ts';
import { dirtyOf } from './support/faulty-disk.ts';

const [OLD, NEW] = ['a'.repeat(32), 'b'.repeat(32)];
const [EARLIER, LATER] = [2 * GRANULE, 9 * GRANULE];
const PLACES = ['/vm/a.qcow2', '/vm/b.qcow2'] as const;

/** An image with a bitmap that has a checkpoint. */
async function makeImage(): Promise<MemoryDevice> {
  const file = new MemoryDevice({ size: 0 });
  await createQcow2(file, { size: SIZE, clusterSize: 4096 });
  const store = await openQcow2Store(await openQcow2(file, { writable: true }));
  await store.commit([{ ...created('n'), checkpoint: OLD }]);
  return file;
}

async function storeOn(file: BlockDevice, place: string, folder: CheckpointFolder) {
  const image = await openQcow2(file, { writable: true });
  return { image, store: await openCheckpointed(await openQcow2Store(image), { folder, place }) };
}

/** What the bitmap of a drive tells to who opens it next. */
async function tell(file: MemoryDevice, place: string, folder: CheckpointFolder) {
  const { store } = await storeOn(file, place, folder);
  const { checkpoint, state } = (await store.list()).find(({ name }) => name === 'n')!;
  return { checkpoint, dirty: state === 'stored' ? dirtyOf(await store.load('n')) : undefined };
}

/**
 * Clears the bitmaps of two drives together. Their disks fail for good after so many of the changes
 * and flushes that are made from then on; then the process dies.
 */
async function attempt(failAfter: readonly number[], before: readonly number[] = []) {
  const files = [await makeImage(), await makeImage()];
  const names = new VolatileFiles();
  const folder = new CheckpointFolder(`/${FOLDER}`, names);
  const devices = files.map((file, index) => {
    const after = (before[index] ?? 0) + failAfter[index]!;
    return new FaultDevice(file, [{ kind: 'drop', after, how: 'failure' }]);
  });
  const drives = [];
  for (const [index, device] of devices.entries()) {
    const { image, store } = await storeOn(device, PLACES[index]!, folder);
    const options = { label: PLACES[index]!, writable: true, durability: 'live' } as const;
    const others = { onTrackingError: 'report', stores: [store] } as const;
    const drive = await openTrackedDrive({ device: image, ...options, ...others });
    await touch(drive, EARLIER);
    await drive.device.flush();
    drives.push(drive);
  }
  const operations = devices.map((device) => device.operations);
  const actions = drives.map((drive) => ({ drive, action: { op: 'clear', name: 'n' } as const }));
  const isMade = await runTransaction(actions, { checkpoints: folder, checkpoint: NEW }).then(
    () => true,
    () => false,
  );
  const isLeft = names.names.some((name) => name.endsWith('.json'));
  const done = devices.map((device, index) => device.operations - operations[index]!);
  const written: boolean[] = [];
  for (const drive of drives) {
    const write = touch(drive, LATER);
    written.push(await write.then(() => drive.device.flush()).then(...YES_OR_NO));
  }
  for (const index of [0, 1]) await tell(files[index]!, PLACES[index]!, folder);
  const told = [];
  for (const index of [0, 1]) told.push(await tell(files[index]!, PLACES[index]!, folder));
  return { isMade, isLeft, operations, done, written, told };
}

const YES_OR_NO = [() => true, () => false] as const;

/** More than the transaction and its undo take of a drive. */
const NEVER = 1000;

it('a clear of two drives is made on both or on none, whatever fails of it and of its undo', async () => {
  const whole = await attempt([NEVER, NEVER]);
  expect(whole).toMatchObject({ isMade: true, isLeft: false, written: [true, true] });
  const outcomes = new Map<string | undefined, number>();
  let left = 0;
  for (let second = 0; second <= whole.done[1]!; second++) {
    const { done } = await attempt([NEVER, second], whole.operations);
    for (let first = 0; first <= done[0]!; first++) {
      const { isMade, isLeft, written, told } = await attempt([first, second], whole.operations);
      const about = JSON.stringify({ first, second, isMade, isLeft, told, written });
      const [one, other] = told.map(({ checkpoint }) => checkpoint);
      expect(one === NEW, about).toBe(other === NEW);
      expect(isMade && one !== NEW, about).toBe(false);
      for (const [index, { checkpoint, dirty }] of told.entries()) {
        if (checkpoint === undefined) continue;
        const owed = [...(checkpoint === OLD ? [EARLIER] : []), ...(written[index] ? [LATER] : [])];
        expect(dirty, about).toEqual(expect.arrayContaining(owed));
      }
      left += isLeft ? 1 : 0;
      outcomes.set(one, (outcomes.get(one) ?? 0) + 1);
    }
  }
  // The undo has failed as well as the second drive's part, and who opens them next makes it.
  expect(left).toBeGreaterThan(0);
  expect(outcomes.get(NEW)).toBeGreaterThan(0);
  expect(outcomes.get(OLD)).toBeGreaterThan(0);
}, 600_000);
