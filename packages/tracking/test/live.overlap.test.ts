import type { BitmapStore } from '@tidemark/core';
import { MemoryDisk, openMemoryStore } from '@tidemark/store-memory';
import { expect, it } from 'vitest';
import { openTrackedDrive } from '../src/index.ts';
import { GatedDevice, settle } from './support/gated-device.ts';
import { Stall } from './support/stalling-store.ts';

const GRANULE = 65_536;
const SIZE = 16 * GRANULE;
const byte = new Uint8Array([1]);

/** The same store, whose bits become durable when the test lets them. */
function withSlowSync(store: BitmapStore, slow: Stall): BitmapStore {
  const live = store.live!;
  const wrapped = {
    inUse: live.inUse,
    bits: (name: string) => live.bits(name),
    sync: () => slow.run(() => live.sync()),
  };
  return new Proxy(store, {
    get(target, key) {
      if (key === 'live') return wrapped;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

it('a write waits for its mark on disk though another one to the granule waits for it already', async () => {
  const syncs = new Stall();
  const changes = new Stall();
  const store = await openMemoryStore(new MemoryDisk(SIZE));
  const device = new GatedDevice(SIZE);
  device.open();
  const written: number[] = [];
  device.onChange = (offset) => written.push(offset);
  const drive = await openTrackedDrive({
    device,
    label: 'd',
    stores: [changes.wrap(withSlowSync(store, syncs))],
    writable: true,
    durability: 'live',
    select: [{ name: 'a', create: true, granularity: GRANULE }],
    marks: { regionSize: GRANULE },
  });
  // A mark is under way, so that the change of the bitmap has to wait for it.
  syncs.begin();
  const writes = [drive.device.write(byte, 0)];
  await settle();
  changes.begin();
  const disabling = drive.transaction([{ op: 'disable', name: 'a' }]);
  await settle();
  // It has begun when the bits that are going to be stored are taken.
  writes.push(drive.device.write(byte, 5 * GRANULE));
  syncs.end();
  await settle();
  writes.push(drive.device.write(byte, 5 * GRANULE + 512));
  await settle();
  // A crash now would leave the bitmap as it was, without that granule.
  expect(written).toEqual([0]);
  changes.end();
  await disabling;
  await Promise.all(writes);
  expect(written.length).toBe(3);
  await drive.close();
});
