import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap, TidemarkError, type WriteLease } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { GuardedMarks } from '../src/live/guarded-marks.ts';
import { LiveBitmap } from '../src/live/live-bitmap.ts';
import { LiveMarks } from '../src/live/live-marks.ts';
import { TrackedDevice } from '../src/tracked-device.ts';

const SIZE = 1024 * 1024;

/** Allows some writes after each renewal. */
class CountedLease implements WriteLease {
  left: number;
  readonly #perRenewal: number;
  readonly #log: string[];
  failure: Error | undefined;
  readonly writes: string[] = [];

  constructor(left: number, perRenewal: number, log: string[]) {
    this.left = left;
    this.#perRenewal = perRenewal;
    this.#log = log;
  }

  allowsWrite(): boolean {
    return this.left > 0;
  }

  begin(): void {
    this.writes.push('begun');
  }

  end(): void {
    this.writes.push('ended');
  }
  async lapse(): Promise<void> {}

  async renew(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.failure !== undefined) throw this.failure;
    this.left = this.#perRenewal;
    this.#log.push('renewed');
  }
}

/** A drive whose bitmaps are all dirty on disk, so that no mark is ever missing. */
function driveWith(leases: readonly (WriteLease | undefined)[], log: string[]) {
  const marks = new LiveMarks({
    diskSize: SIZE,
    leases: leases.filter((lease) => lease !== undefined),
    onLost: (lost) => log.push(`${lost.size} lost`),
  });
  for (const lease of leases) {
    const exact = new DirtyBitmap(SIZE, 65_536);
    exact.set(0, SIZE);
    const bits = { write: () => Promise.reject(new Error('no mark is missing')) };
    marks.attach({
      bitmap: new LiveBitmap(exact, exact.clone(), bits),
      sync: async () => {},
      lease,
    });
  }
  const disk = new MemoryDevice({ size: SIZE });
  const noted = new Proxy(disk, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (key === 'write') log.push('written');
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const guard = new GuardedMarks({ marks, policy: 'report', label: 'd', onWarning: () => {} });
  return { marks, drive: new TrackedDevice(noted, { marks: guard }) };
}

const byte = new Uint8Array([1]);

describe('a write to a drive whose store has a lease', () => {
  it('begins at once while the lease allows it', async () => {
    const log: string[] = [];
    await driveWith([new CountedLease(1, 0, log)], log).drive.write(byte, 0);
    expect(log).toEqual(['written']);
  });

  it('waits until it is renewed when it does not, and for each that does not', async () => {
    const log: string[] = [];
    const leases = [new CountedLease(0, 1, log), undefined, new CountedLease(0, 1, log)];
    await driveWith(leases, log).drive.write(byte, 0);
    expect(log).toEqual(['renewed', 'renewed', 'written']);
  });

  it('asks again when the lease has ended by the time that another one is renewed', async () => {
    const log: string[] = [];
    const first = new CountedLease(0, 1, log);
    const second = new CountedLease(1, 1, log);
    const renew = first.renew.bind(first);
    first.renew = async () => {
      await renew();
      // Once: time has passed.
      if (log.length === 1) second.left = 0;
    };
    await driveWith([first, second], log).drive.write(byte, 0);
    expect(log).toEqual(['renewed', 'renewed', 'written']);
  });

  it('fails, and does not reach the drive, when the lease cannot be renewed', async () => {
    const log: string[] = [];
    const lease = new CountedLease(0, 1, log);
    lease.failure = new TidemarkError('IO_FAILED', 'no header can be written');
    const { drive } = driveWith([lease], log);
    await expect(drive.write(byte, 0)).rejects.toMatchObject({ code: 'IO_FAILED' });
    await expect(drive.writeZeroes(0, 512)).rejects.toMatchObject({ code: 'IO_FAILED' });
    await expect(drive.discard(0, 512)).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(log).toEqual([]);
    lease.failure = undefined;
    await drive.write(byte, 0);
    expect(log).toEqual(['renewed', 'written']);
  });

  it('asks for none while bitmaps are changed: those that begin to record have none yet', async () => {
    const log: string[] = [];
    const { drive, marks } = driveWith([new CountedLease(0, 1, log)], log);
    const unlock = await marks.lock();
    const write = drive.write(byte, 0);
    for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual([]);
    unlock();
    await write;
    expect(log).toEqual(['renewed', 'written']);
  });

  it('tells each lease when it begins and when it ends, and only then', async () => {
    const log: string[] = [];
    const leases = [new CountedLease(0, 1, log), new CountedLease(9, 9, log)];
    leases[0]!.failure = new TidemarkError('IO_FAILED', 'no');
    const { drive } = driveWith(leases, log);
    await expect(drive.write(byte, 0)).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(leases[1]!.writes).toEqual([]);
    leases[0]!.failure = undefined;
    await drive.write(byte, 0);
    await expect(drive.write(byte, SIZE)).rejects.toMatchObject({ code: 'OUT_OF_RANGE' });
    for (const { writes } of leases) expect(writes).toEqual(['begun', 'ended']);
  });

  it('is made when the lease is refused because its bitmaps are inconsistent', async () => {
    const log: string[] = [];
    const leases = [new CountedLease(0, 1, log), new CountedLease(9, 9, log)];
    leases[0]!.failure = new TidemarkError('BITMAP_INCONSISTENT', 'a stranger wrote');
    const { drive } = driveWith(leases, log);
    await drive.write(byte, 0);
    await drive.write(byte, 0);
    expect(log).toEqual(['1 lost', 'written', 'written']);
  });
});
