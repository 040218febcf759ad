import { describe, expect, it } from 'vitest';
import { Lease } from '../src/binding/lease.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const START = 1_700_000_000_000;

/** A lease and its clock; renewals are made durable when the test says so. */
class Bench {
  time = START;
  touches = 0;
  readonly pending: (() => void)[] = [];
  readonly timers: { readonly work: () => void; readonly milliseconds: number }[] = [];
  /** When it came to rest, in milliseconds from the start. */
  readonly rests: number[] = [];
  failure: Error | undefined;
  readonly lease = new Lease({
    now: () => this.time,
    write: async () => {
      const until = this.time + 15_000;
      await new Promise<void>((resolve) => this.pending.push(resolve));
      if (this.failure !== undefined) throw this.failure;
      return until;
    },
    later: (work, milliseconds) => this.timers.push({ work, milliseconds }),
    rest: async () => void this.rests.push(this.time - START),
    touchDrive: async () => {
      this.touches += 1;
    },
    wait: async (milliseconds) => {
      this.time += milliseconds;
    },
  });

  async settle(): Promise<void> {
    for (const resolve of this.pending.splice(0)) resolve();
    await turn();
  }

  /** What it says at that many milliseconds from the start. */
  at(milliseconds: number): boolean {
    this.time = START + milliseconds;
    return this.lease.allowsWrite();
  }
}

describe('a lease', () => {
  it('allows no write before it is granted', async () => {
    const bench = new Bench();
    expect(bench.at(0)).toBe(false);
    await bench.settle();
    expect(bench.at(0)).toBe(true);
  });

  it('allows none that begins in its last two seconds, or later', () => {
    const bench = new Bench();
    bench.lease.grant(START + 15_000);
    expect([0, 12_999, 13_000].map((time) => bench.at(time))).toEqual([true, true, true]);
    expect([13_001, 15_000, 3_600_000].map((time) => bench.at(time))).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('allows none when the clock was set back, so that it would last too long', async () => {
    const bench = new Bench();
    bench.lease.grant(START + 15_000);
    expect(bench.at(-1)).toBe(false);
    expect(bench.at(-3_600_000)).toBe(false);
    const renewed = bench.lease.renew();
    await bench.settle();
    await renewed;
    expect(bench.at(-3_600_000)).toBe(true);
    expect(bench.at(-3_600_000 + 13_001)).toBe(false);
  });

  it('is renewed by writes, once it is five seconds old, while they go on', async () => {
    const bench = new Bench();
    bench.lease.grant(START + 15_000);
    expect([bench.at(5_000), bench.pending.length]).toEqual([true, 0]);
    expect([bench.at(5_001), bench.pending.length]).toEqual([true, 1]);
    // One at a time, and the old one holds until the new one is durable.
    expect([bench.at(12_000), bench.pending.length]).toEqual([true, 1]);
    expect(bench.at(13_001)).toBe(false);
    await bench.settle();
    // It is as long as it said when it was written.
    expect(bench.at(5_001 + 13_000)).toBe(true);
    expect(bench.at(5_001 + 13_001)).toBe(false);
  });

  it('tells those who wait for it that it cannot be renewed, and tries again', async () => {
    const bench = new Bench();
    bench.failure = new Error('no header can be written');
    expect(bench.at(0)).toBe(false);
    const outcome = bench.lease.renew().catch((error: unknown) => error);
    await bench.settle();
    expect(await outcome).toBe(bench.failure);
    bench.failure = undefined;
    const again = bench.lease.renew();
    await bench.settle();
    await again;
    expect(bench.at(0)).toBe(true);
  });

  it('that is given up is over when the drive is durably newer, and is never renewed', async () => {
    const bench = new Bench();
    bench.lease.grant(START + 15_000);
    expect(bench.at(1000)).toBe(true);
    const lapsing = bench.lease.lapse();
    expect(bench.at(1000)).toBe(false);
    await expect(bench.lease.renew()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await lapsing;
    expect(bench.time).toBeGreaterThan(START + 15_000);
    expect(bench.touches).toBe(1);
  });

  it('that is given up lasts as long as a renewal says that failed and may be there', async () => {
    const bench = new Bench();
    bench.lease.grant(START + 15_000);
    bench.at(9_000);
    bench.failure = new Error('no header can be written');
    const lapsing = bench.lease.lapse();
    await bench.settle();
    await lapsing;
    expect(bench.time).toBeGreaterThan(START + 24_000);
  });
});
