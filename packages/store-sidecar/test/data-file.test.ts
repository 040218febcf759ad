import { RecordingDevice } from '@tidemark/block/testing';
import type { Control } from '@tidemark/qcow2';
import { describe, expect, it } from 'vitest';
import { judge } from '../src/binding/judge.ts';
import { CLUSTER, LentDrive, SIZE } from './support/lent-drive.ts';
import { SimulatedDrive } from './support/simulated-drive.ts';

const DATA = new Uint8Array(10).fill(5);

function writesOf({ events }: RecordingDevice) {
  return events.flatMap((event, index) => {
    if (event.op !== 'write') return [];
    return [{ index, offset: event.offset, end: event.offset + event.bytes.length }];
  });
}

describe('a sidecar that QEMU runs on', () => {
  it('is trusted when QEMU has given the drive back, and the loan ends with that', async () => {
    const drive = await LentDrive.make();
    await drive.lend();
    expect(await drive.state()).toBe('stored');
    await drive.qemuRuns();
    expect(await drive.state()).toBe('stored');
    await (await drive.open({ writesDrive: true })).close();
    await drive.qemuRuns();
    expect(await drive.state()).toBe('mtime');
  });

  it('A8: is not trusted when QEMU has written a drive that was not lent', async () => {
    const drive = await LentDrive.make();
    await drive.qemuRuns();
    expect(await drive.state()).toBe('mtime');
  });

  it('A8: is not trusted when the drive was written and QEMU has not opened it', async () => {
    const drive = await LentDrive.make();
    await drive.lend();
    drive.facts.write();
    drive.sidecarFacts.now = drive.facts.now;
    drive.sidecarFacts.write();
    expect(await drive.state()).toBe('mtime');
  });

  it('A8: is not trusted when the drive was written after QEMU stored its bitmaps', async () => {
    const drive = await LentDrive.make();
    await drive.lend();
    await drive.qemuRuns();
    drive.facts.now += 2000;
    drive.facts.chmod();
    expect(await drive.state()).toBe('ctime');
    drive.facts.write();
    expect(await drive.state()).toBe('returned');
  });

  it('A8: is not trusted when another file has taken the place of the drive', async () => {
    const drive = await LentDrive.make();
    await drive.lend();
    await drive.qemuRuns();
    drive.facts.change({ inode: 99n });
    expect(await drive.state()).toBe('inode');
  });

  it('A9: has no bitmaps that stay valid while they record', async () => {
    const drive = await LentDrive.make();
    const store = await drive.open({ writesDrive: true });
    expect(store.live).toBeUndefined();
    await store.acquire(['a']);
    expect(await drive.state()).toBe('in-use');
    await store.close();
  });

  it('A9: is not recovered, even if its bitmaps were live', async () => {
    const { known, now } = new SimulatedDrive(SIZE);
    const seal = { offset: 512, crc: 1 };
    const control: Control = {
      kind: 'sidecar',
      state: 'busy',
      isBound: true,
      tokens: [],
      storeId: new Uint8Array(16),
      sessionId: new Uint8Array(16),
      leaseUntil: BigInt(now + 1000) * 1_000_000n,
      drive: known!,
      directory: seal,
      liveEntries: [0],
    };
    const entry = { name: 'a', granularity: 512, enabled: true, inUse: true };
    const evidence = {
      found: { control, sequence: 1n, slots: 8, isVouchedFor: true },
      drive: known,
      sidecar: known,
      seal,
      live: new Set(['a']),
      isShared: false,
      now,
      accepts: () => true,
    };
    expect(judge({ ...evidence, isDataFile: false })(entry)).toEqual({ recovered: true });
    const found = judge({ ...evidence, isDataFile: true })(entry);
    expect(found).toMatchObject({ rule: 'data-file' });
  });

  it('A19: opens and closes by new clusters and one write of sector 0', async () => {
    const drive = await LentDrive.make();
    const recorder = await RecordingDevice.startOn(drive.file);
    const store = await drive.open({ writesDrive: true, sidecar: drive.over(recorder) });
    const content = (await store.acquire(['a'])).get('a')!;
    const opened = recorder.events.length;
    drive.facts.asked.length = 0;
    await store.commit([{ op: 'store', name: 'a', content }]);
    // The drive is synced before its facts are noted.
    expect(drive.facts.asked[0]).toBe('durable');
    await store.close();
    const inHeader = writesOf(recorder).filter(({ offset }) => offset < CLUSTER);
    expect(inHeader).toEqual([
      { index: expect.any(Number), offset: 0, end: 512 },
      { index: expect.any(Number), offset: 0, end: 512 },
    ]);
    expect(inHeader[0]!.index).toBeLessThan(opened);
    expect(inHeader[1]!.index).toBeGreaterThanOrEqual(opened);
  });

  it('maps what QEMU has zeroed, after it is durable that the drive came back', async () => {
    const drive = await LentDrive.make();
    await drive.lend();
    await drive.qemuRuns();
    const at = await drive.zeroEntry(3);
    const recorder = await RecordingDevice.startOn(drive.file);
    await (await drive.open({ sidecar: drive.over(recorder) })).close();
    expect(await drive.entry(3)).toBe((1n << 63n) | BigInt(3 * CLUSTER));
    const writes = writesOf(recorder);
    const back = writes.find(({ offset }) => offset === 0)!.index;
    const mapped = writes.find(({ offset, end }) => offset <= at && at < end)!.index;
    const flushes = recorder.events.slice(back, mapped).filter(({ op }) => op === 'flush');
    expect(flushes.length).toBeGreaterThan(0);
    expect(await drive.state()).toBe('stored');
  });

  it('is refused when the drive is not zero where the map says so', async () => {
    const drive = await LentDrive.make();
    await drive.zeroEntry(3);
    await drive.content.write(DATA, 3 * CLUSTER + 7);
    await expect(drive.open()).rejects.toMatchObject({
      code: 'SIDECAR_MISMATCH',
      context: { offset: 3 * CLUSTER + 7 },
    });
    expect(await drive.entry(3)).toBe(1n);
  });

  it('leaves a loan that is in doubt to the user, unless the drive is going to be written', async () => {
    const drive = await LentDrive.make();
    await drive.lend();
    await drive.qemuRuns();
    await drive.zeroEntry(3);
    drive.facts.now += 2000;
    drive.facts.chmod();
    await (await drive.open()).close();
    expect([await drive.state(), await drive.entry(3)]).toEqual(['ctime', 1n]);
    await (await drive.open({ writesDrive: true })).close();
    expect([await drive.state(), await drive.entry(3)]).toEqual([
      'in-use',
      (1n << 63n) | BigInt(3 * CLUSTER),
    ]);
  });
});
