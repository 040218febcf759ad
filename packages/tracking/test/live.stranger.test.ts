import { MemoryDevice } from '@tidemark/block';
import { createSidecar, openSidecarStore } from '@tidemark/store-sidecar';
import { beforeEach, describe, expect, it } from 'vitest';
import { openTrackedDrive, type TrackedDrive } from '../src/index.ts';
import { FileTimes } from './explorer/file-times.ts';
import { unclosed } from './explorer/setting.ts';

const SIZE = 1024 * 1024;
const GRANULARITY = 65_536;
const byte = new Uint8Array([1]);

let times: FileTimes;
let raw: MemoryDevice;
let sidecar: MemoryDevice;
let notices: string[];
let drive: TrackedDrive;

const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

async function openStore(writable = true) {
  return openSidecarStore({
    drive: times.of(unclosed(raw)),
    sidecar: unclosed(sidecar),
    writable,
    writesDrive: writable,
    now: () => times.now,
    later: (work, time) => times.later(work, time),
    onNotice: (message) => notices.push(message),
  });
}

beforeEach(async () => {
  times = new FileTimes();
  raw = new MemoryDevice({ size: SIZE });
  sidecar = new MemoryDevice({ size: 0 });
  notices = [];
  await createSidecar(sidecar, { diskSize: SIZE });
  drive = await openTrackedDrive({
    device: times.of(unclosed(raw)),
    label: 'd',
    stores: [await openStore()],
    writable: true,
    durability: 'live',
    select: [{ name: 'a', create: true, granularity: GRANULARITY }],
  });
  await drive.device.write(byte, 0);
});

/** Somebody else, who minds no lock, while the drive is at rest. */
async function strangerWrites(): Promise<void> {
  times.pass(2000);
  await turns();
  times.pass(2000);
  times.stamp();
}

describe('a drive that somebody else writes while it is open', () => {
  it('goes on without the bitmaps that have missed the write, and says so', async () => {
    await strangerWrites();
    await drive.device.write(byte, 5 * GRANULARITY);
    await turns();
    const [a] = await drive.list();
    expect(a).toMatchObject({
      name: 'a',
      inconsistent: true,
      recording: false,
      reason: expect.stringContaining('written behind its bitmaps'),
    });
    expect(notices).toEqual([expect.stringContaining("'a' cannot be trusted any more")]);
    const refusal = { code: 'BITMAP_INCONSISTENT' };
    await expect(drive.load('a')).rejects.toMatchObject(refusal);
    await expect(drive.transaction([{ op: 'clear', name: 'a' }])).rejects.toMatchObject(refusal);
    await drive.device.write(byte, 6 * GRANULARITY);
  });

  it('can have new ones, which record', async () => {
    await strangerWrites();
    await drive.device.write(byte, 0);
    await turns();
    await drive.transaction([{ op: 'remove', name: 'a' }]);
    const anew = { op: 'add', name: 'a', granularity: GRANULARITY, persistent: true } as const;
    await drive.transaction([anew]);
    await drive.device.write(byte, 5 * GRANULARITY);
    expect((await drive.load('a')).count).toBe(1);
    await drive.close();
    const store = await openStore(false);
    expect(await store.list()).toMatchObject([{ name: 'a', state: 'stored' }]);
    expect((await store.load('a')).isDirty(5 * GRANULARITY)).toBe(true);
  });

  it('is closed without an error, and leaves them inconsistent', async () => {
    await strangerWrites();
    await drive.device.write(byte, 0);
    await drive.close();
    const [a] = await (await openStore(false)).list();
    expect(a).toMatchObject({ state: 'inconsistent', rule: 'mtime' });
  });

  it('comes to rest between its own writes, and finds nobody but itself', async () => {
    for (let round = 0; round < 5; round++) {
      times.pass(2000);
      await turns();
      times.pass(30_000);
      await drive.device.write(byte, round * GRANULARITY);
    }
    await drive.close();
    expect(notices).toEqual([]);
    expect(await (await openStore(false)).list()).toMatchObject([{ name: 'a', state: 'stored' }]);
  });
});
