import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import { FaultDevice } from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import type { TrackedDrive } from '../src/index.ts';
import { bitsOf, created, diskWith, GRANULE, openDrive, SIZE, touch } from './support/drives.ts';
import { dirtyOf } from './support/faulty-disk.ts';
import { GatedDevice, settle } from './support/gated-device.ts';
import { LiveImage } from './support/live-image.ts';

const [A, B, C, D] = [0, 4 * GRANULE, 8 * GRANULE, 12 * GRANULE];
const CHECKPOINT = '00112233445566778899aabbccddeeff';

async function contentRead(drive: TrackedDrive): Promise<readonly number[]> {
  return dirtyOf(await drive.readers()[0]!.content());
}

/** Drives with a bitmap `n` that calls A dirty, kept in both ways. */
const KINDS = {
  live: async (device: BlockDevice = memory()) => {
    const image = await LiveImage.with([created('n', { dirty: [A] })]);
    return { drive: await image.openDrive(device), found: async () => (await image.found())['n'] };
  },
  'stored at the end': async (device: BlockDevice = memory()) => {
    const disk = await diskWith({ n: { dirty: [A] } });
    const drive = await openDrive({ device, disks: [disk] });
    const found = async () => {
      const [info] = await (await disk.open({ writable: false })).list();
      const dirty = info?.state === 'stored' ? await disk.dirty('n') : undefined;
      return { state: info!.state, checkpoint: info?.checkpoint, dirty };
    };
    return { drive, found };
  },
} as const;

const CRASHED = {
  live: { state: 'stored', dirty: expect.arrayContaining([A, B]) as number[] },
  'stored at the end': { state: 'inconsistent' },
} as const;

describe.each(Object.entries(KINDS))('A18: a frozen bitmap that is %s', (kind, open) => {
  it('stands still for all who read it, and goes on with all that was written', async () => {
    const { drive, found } = await open();
    const reader = drive.readers()[0]!;
    const sha256 = await drive.sha256('n');
    const id = await drive.freeze('n');
    await touch(drive, B);
    expect(dirtyOf(await reader.content())).toEqual([A]);
    expect(await contentRead(drive)).toEqual([A]);
    expect(await bitsOf(drive, 'n')).toEqual([A]);
    expect(dirtyOf(drive.bitmap('n')!)).toEqual([A]);
    expect(await drive.sha256('n')).toBe(sha256);
    const told = { busy: true, recording: true, frozen: id, count: GRANULE };
    expect(await drive.list()).toMatchObject([told]);
    await drive.release({ name: 'n', id, clear: false });
    expect(dirtyOf(await reader.content())).toEqual([A, B]);
    expect(await drive.list()).toMatchObject([{ busy: false, count: 2 * GRANULE }]);
    expect((await drive.list())[0]).not.toHaveProperty('frozen');
    await touch(drive, C);
    expect(await bitsOf(drive, 'n')).toEqual([A, B, C]);
    await drive.close();
    expect(await found()).toMatchObject({ state: 'stored', dirty: [A, B, C] });
  });

  it('stays as it is where the drive cannot be flushed', async () => {
    const device = new FaultDevice(memory(), [{ kind: 'fail', on: 'flush' }]);
    const { drive } = await open(device);
    const id = await drive.freeze('n');
    await touch(drive, B);
    const release = () => drive.release({ name: 'n', id, clear: true });
    await expect(release()).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(await drive.list()).toMatchObject([{ frozen: id, count: GRANULE }]);
    await release();
    expect(await bitsOf(drive, 'n')).toEqual([B]);
    await drive.close();
  });

  it('becomes what was written since, with the checkpoint that it is given', async () => {
    const { drive, found } = await open();
    const id = await drive.freeze('n');
    await touch(drive, B);
    await drive.release({ name: 'n', id, clear: true, checkpoint: CHECKPOINT });
    expect(await contentRead(drive)).toEqual([B]);
    await touch(drive, C);
    await drive.close();
    expect(await found()).toEqual({ state: 'stored', dirty: [B, C], checkpoint: CHECKPOINT });
  });

  it('has no checkpoint after a release without one, and can be frozen again', async () => {
    const { drive, found } = await open();
    const first = await drive.freeze('n');
    await drive.release({ name: 'n', id: first, clear: true, checkpoint: CHECKPOINT });
    await touch(drive, B);
    const second = await drive.freeze('n');
    await touch(drive, C);
    expect(await contentRead(drive)).toEqual([B]);
    await drive.release({ name: 'n', id: second, clear: true });
    await drive.close();
    expect(await found()).toEqual({ state: 'stored', dirty: [C], checkpoint: undefined });
  });

  it('keeps a write that was under way when it began, and one under way at its end', async () => {
    const device = new GatedDevice(SIZE);
    device.gatesFlushes = false;
    const { drive, found } = await open(device);
    const first = touch(drive, B);
    await settle();
    const id = await drive.freeze('n');
    await device.pass();
    await first;
    const second = touch(drive, D);
    await settle();
    await drive.release({ name: 'n', id, clear: true });
    device.open();
    await second;
    await drive.close();
    expect(await found()).toMatchObject({ dirty: [B, D] });
  });

  it('is released by its own id alone, once, and else nothing changes', async () => {
    const { drive } = await open();
    const old = await drive.freeze('n');
    await drive.release({ name: 'n', id: old, clear: false });
    const invalid = { code: 'BITMAP_INVALID' };
    await expect(drive.release({ name: 'n', id: old, clear: true })).rejects.toMatchObject(invalid);
    const id = await drive.freeze('n');
    await touch(drive, B);
    for (const wrong of [old, '', id.toUpperCase() + '0']) {
      for (const clear of [true, false]) {
        const release = drive.release({ name: 'n', id: wrong, clear });
        await expect(release).rejects.toMatchObject(invalid);
      }
    }
    const release = drive.release({ name: 'n', id, clear: true, checkpoint: 'none' });
    await expect(release).rejects.toMatchObject(invalid);
    expect(await drive.list()).toMatchObject([{ frozen: id, count: GRANULE }]);
    await drive.release({ name: 'n', id, clear: true });
    await expect(drive.release({ name: 'n', id, clear: true })).rejects.toMatchObject(invalid);
    expect(await bitsOf(drive, 'n')).toEqual([B]);
  });

  it('is busy for everybody else', async () => {
    const { drive } = await open();
    await drive.transaction([{ op: 'add', name: 'm', persistent: true }]);
    const id = await drive.freeze('n');
    const busy = { code: 'BITMAP_BUSY' };
    for (const op of ['clear', 'enable', 'disable', 'remove'] as const) {
      await expect(drive.transaction([{ op, name: 'n' }])).rejects.toMatchObject(busy);
    }
    const merge = (target: string, source: string) =>
      drive.transaction([{ op: 'merge', target, sources: [source] }]);
    await expect(merge('n', 'm')).rejects.toMatchObject(busy);
    await expect(merge('m', 'n')).rejects.toMatchObject(busy);
    await expect(drive.device.resize(SIZE + 512)).rejects.toMatchObject(busy);
    await expect(drive.hold('n')).rejects.toMatchObject(busy);
    await expect(drive.freeze('n')).rejects.toMatchObject(busy);
    // Other bitmaps go their way, and take nothing from it.
    await touch(drive, B);
    await drive.transaction([{ op: 'clear', name: 'm' }]);
    await touch(drive, C);
    await drive.release({ name: 'n', id, clear: true });
    expect(await bitsOf(drive, 'n')).toEqual([B, C]);
    expect(await bitsOf(drive, 'm')).toEqual([C]);
  });

  it('is a superset after a crash, or inconsistent, and its freeze is over', async () => {
    const { drive, found } = await open();
    await drive.freeze('n');
    await touch(drive, B);
    expect(await found()).toMatchObject(CRASHED[kind as keyof typeof KINDS]);
  });

  it('is stored whole when the drive is closed meanwhile', async () => {
    const { drive, found } = await open();
    const id = await drive.freeze('n');
    await touch(drive, B);
    await drive.close();
    expect(await found()).toMatchObject({ state: 'stored', dirty: [A, B] });
    const release = drive.release({ name: 'n', id, clear: true });
    await expect(release).rejects.toMatchObject({ code: 'DEVICE_CLOSED' });
  });
});

function memory() {
  return new MemoryDevice({ size: SIZE });
}
