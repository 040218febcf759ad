import { MemoryObjectStore } from '@tidemark/object-store';
import { expect, it, vi } from 'vitest';
import { backUpDrives, createRepository, RateLimit } from '../src/index.ts';
import { noise, TestDrive } from './support/drives.ts';

/** A clock that stands still but when somebody waits by it, or time is said to pass. */
class FakeClock {
  time = 1000;
  readonly waits: number[] = [];

  readonly now = () => this.time;

  readonly wait = async (ms: number) => {
    this.waits.push(ms);
    this.time += ms;
  };

  limit(bytesPerSecond: number): RateLimit {
    return new RateLimit(bytesPerSecond, this.now, this.wait);
  }
}

it('a limit lets as many bytes pass in a second as it says', async () => {
  const clock = new FakeClock();
  const limit = clock.limit(1000);
  for (let turn = 0; turn < 8; turn++) await limit.take(250);
  expect(clock.waits).toEqual(Array.from({ length: 8 }, () => 250));
  expect(clock.time).toBe(1000 + 2000);
});

it('a limit does not wait for time that has passed already', async () => {
  const clock = new FakeClock();
  const limit = clock.limit(1000);
  await limit.take(100);
  clock.time += 700;
  await limit.take(300);
  expect(clock.waits).toEqual([100]);
  await limit.take(1600);
  // 2000 bytes in all are due two seconds from the start.
  expect(clock.time).toBe(1000 + 2000);
});

it('a limit is no wait for who cancels', async () => {
  const clock = new FakeClock();
  const cancelled = AbortSignal.abort(new Error('enough'));
  await expect(clock.limit(1).take(10, cancelled)).rejects.toMatchObject({ code: 'CANCELLED' });
});

it('a limit has to be more than nothing', () => {
  expect(() => new RateLimit(0)).toThrow(RangeError);
});

it('a backup asks for each byte that it reads, and for none that it knows to be zeros', async () => {
  const drive = new TestDrive(1_048_576);
  await drive.write(65_536, noise(131_072, 1));
  const taken: number[] = [];
  const take = vi.spyOn(RateLimit.prototype, 'take');
  take.mockImplementation(async (bytes) => void taken.push(bytes));
  const repository = await createRepository(new MemoryObjectStore());
  const drives = [{ source: drive.device, drive: drive.identity }];
  await backUpDrives({ repository, drives, rate: 1 });
  take.mockRestore();
  expect(taken.reduce((sum, bytes) => sum + bytes, 0)).toBe(131_072);
});
