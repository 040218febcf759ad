import { DirtyBitmap } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { LiveBitmap } from '../src/live/live-bitmap.ts';
import { LiveMarks } from '../src/live/live-marks.ts';
import { describeRecovery } from '../src/index.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const SIZE = 8 * GiB;

/** What lies on disk of a bitmap, durable or not, and how often it was written and synced. */
class Disk {
  /** Bytes of bits in a part that is set as a whole while there is no room. */
  readonly part: number;
  isFull = false;
  readonly bits: DirtyBitmap;
  readonly sectors: number[] = [];
  readonly bitmap: LiveBitmap;
  syncs = 0;
  /** Held up until the test lets it go on. */
  gate: Promise<void> = Promise.resolve();

  constructor(granularity: number, part = 65_536) {
    this.part = part;
    this.bits = new DirtyBitmap(SIZE, granularity);
    const exact = new DirtyBitmap(SIZE, granularity);
    this.bitmap = new LiveBitmap(exact, exact.clone(), {
      write: async (bytes, at, newest) => {
        await Promise.resolve();
        this.sectors.push(at / 512);
        const begin = at - (at % this.part);
        if (this.isFull) {
          this.bits.fill(begin, Math.min(this.part, this.bits.serializedLength - begin), true);
          return { at: begin, length: this.part };
        }
        const all = new Uint8Array(this.part);
        newest?.(all, begin);
        if (this.#isWhole(begin)) this.bits.deserialize(all, begin);
        this.bits.deserialize(bytes, at);
        return undefined;
      },
    });
  }

  #isWhole(begin: number): boolean {
    const length = Math.min(this.part, this.bits.serializedLength - begin);
    return this.bits.contentOf(begin, length) === 'ones';
  }

  async sync(): Promise<void> {
    this.syncs += 1;
    await this.gate;
  }
}

function drive(granularities: readonly number[], limits = {}) {
  const marks = new LiveMarks({ diskSize: SIZE, ...limits });
  const disks = granularities.map((granularity) => new Disk(granularity));
  for (const disk of disks) marks.attach({ bitmap: disk.bitmap, sync: () => disk.sync() });
  const write = async (offset: number, length = 4096) => {
    const range = { offset, length };
    for (const { bitmap } of disks) bitmap.exact.set(offset, length);
    while (!marks.covers(range)) await marks.cover(range);
    const isDurable = disks.every(({ bits }) => bits.nextClean(offset, offset + length) === -1);
    expect(isDurable).toBe(true);
  };
  return { marks, disks, write };
}

const dirtyRuns = ({ bits }: Disk) =>
  [...bits.dirtyExtents()].map(({ offset, length }) => [offset / MiB, length / MiB]);

describe('A14: a region is a range of bytes', () => {
  it('that each bitmap maps to its own granules, in the sector of bits that the write is in', async () => {
    const { disks, write } = drive([512, 65_536, 4 * MiB, 2 * GiB]);
    await write(4 * MiB + 3 * MiB);
    expect(disks.map(dirtyRuns)).toEqual([[[6, 2]], [[4, 4]], [[4, 4]], [[0, 2048]]]);
    expect(disks.map(({ sectors }) => sectors)).toEqual([[3], [0], [0], [0]]);
    // The other half of the region is another sector of the finest one alone.
    await write(4 * MiB);
    expect(disks.map(({ sectors }) => sectors)).toEqual([[3, 2], [0], [0], [0]]);
  });

  it('that is narrowed where granules are no larger', async () => {
    const { marks, disks, write } = drive([512, 65_536, 2 * GiB], { idleAfter: 0 });
    await write(9 * MiB, 512);
    await marks.narrowIdle();
    expect(disks.map(({ bits }) => bits.count)).toEqual([1, 1, 1]);
  });

  it('of which so many bytes may be open, whatever the granularity', async () => {
    for (const granularity of [512, 65_536, 4 * MiB]) {
      const { marks, disks, write } = drive([granularity], { maxOpen: 32 * MiB });
      for (let at = 0; at < 64; at++) await write(((at * 37) % 64) * 128 * MiB, 512);
      // Puts back what is too much, one after the other.
      await marks.lock();
      const excess = disks[0]!.bits.dirtyBytes - 64 * granularity;
      expect(excess).toBeLessThanOrEqual(32 * MiB);
    }
  });
});

describe('A15: what is marked at once', () => {
  it('grows for a stream, up to a sector of bits, so that it seldom waits', async () => {
    const { disks, write } = drive([65_536]);
    for (let at = 0; at < GiB; at += MiB) await write(at, MiB);
    expect(disks[0]!.syncs).toBeLessThanOrEqual(8);
    expect(disks[0]!.bits.dirtyBytes).toBeLessThanOrEqual(GiB + 256 * MiB);
  });

  it('stays one region for writes here and there', async () => {
    const { disks, write } = drive([65_536]);
    for (let at = 0; at < 100; at++) await write(((at * 37) % 128) * 64 * MiB);
    expect(disks[0]!.bits.dirtyBytes).toBe(100 * 4 * MiB);
  });

  it('follows several streams, and does not run into what is marked elsewhere', async () => {
    const { disks, write } = drive([65_536]);
    for (let at = 0; at < 256 * MiB; at += MiB) {
      await Promise.all([0, 1, 2].map((stream) => write(stream * 2 * GiB + at, MiB)));
    }
    expect(disks[0]!.syncs).toBeLessThanOrEqual(3 * 6);
  });

  it('is waited for by all who write there, also where a stream has widened it', async () => {
    const { disks, write } = drive([65_536]);
    const [disk] = disks;
    await write(0, MiB);
    const { promise, resolve } = Promise.withResolvers<void>();
    disk!.gate = promise;
    let done = 0;
    const count = () => void done++;
    const writes = [write(4 * MiB).then(count), write(8 * MiB).then(count)];
    for (let turn = 0; turn < 20; turn++) await new Promise((go) => setImmediate(go));
    // Marked with the region before it, and not durable yet.
    expect(disk!.bits.isDirty(8 * MiB)).toBe(true);
    writes.push(write(8 * MiB + 65_536).then(count));
    for (let turn = 0; turn < 20; turn++) await new Promise((go) => setImmediate(go));
    expect(done).toBe(0);
    resolve();
    await Promise.all(writes);
    expect(disk!.syncs).toBe(2);
  });
});

describe('A15: the bound on what is marked beyond the truth', () => {
  it('is for streams as well', async () => {
    const { disks, write } = drive([65_536], { maxOpen: 64 * MiB });
    const [disk] = disks;
    let most = 0;
    for (let at = 0; at < 512 * MiB; at += MiB) {
      await write(at, MiB);
      most = Math.max(most, disk!.bits.dirtyBytes - disk!.bitmap.exact.dirtyBytes);
    }
    expect(most).toBeLessThanOrEqual(64 * MiB);
    // Wider than what one write here or there gets.
    expect(most).toBeGreaterThan(4 * MiB);
  });

  it('is no smaller than what is marked at once', () => {
    const tooSmall = () => new LiveMarks({ diskSize: SIZE, maxOpen: 2 * MiB });
    expect(tooSmall).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it('counts what is marked for want of room, so that fewer regions stay open', async () => {
    const { marks, disks, write } = drive([65_536, 65_536], { maxOpen: GiB });
    const [full, other] = disks;
    // A part of the bits is 32 GiB here: all of the disk.
    full!.isFull = true;
    for (let at = 0; at < 64; at++) await write(at * 64 * MiB);
    (await marks.lock())();
    expect(full!.bitmap.coarseBytes).toBe(SIZE);
    const excess = other!.bits.dirtyBytes - other!.bitmap.exact.dirtyBytes;
    expect(excess).toBeLessThanOrEqual(GiB / 8);
    // Some may stay, or each write would wait for a mark.
    expect(excess).toBeGreaterThan(GiB / 32);
  });

  it('is kept to again as soon as there is room, by idling or by a close', async () => {
    for (const way of ['narrowIdle', 'settle'] as const) {
      const { marks, disks, write } = drive([65_536], { idleAfter: way === 'settle' ? 1e6 : 0 });
      const [disk] = disks;
      disk!.isFull = true;
      await write(7 * MiB, MiB);
      await write(GiB, 65_536);
      await marks[way]();
      expect(disk!.bits.dirtyBytes).toBe(SIZE);
      disk!.isFull = false;
      await marks[way]();
      expect(dirtyRuns(disk!)).toEqual([
        [7, 1],
        [1024, 0.0625],
      ]);
      expect(disk!.bitmap.coarseBytes).toBe(0);
    }
  });
});

describe('what a recovered bitmap may call dirty beyond the truth', () => {
  it.each([512, 1024, 65_536, 4 * MiB, 64 * MiB])(
    'is no less than what is, after streams and writes here and there, at %d bytes to a bit',
    async (granularity) => {
      for (const isFull of [false, true]) {
        const { disks, write } = drive([granularity]);
        const [disk] = disks;
        for (let at = 0; at < 48; at++) {
          await write(GiB + at * MiB, MiB);
          disk!.isFull = isFull && at === 40;
          await write(((at * 37) % 64) * 96 * MiB, 512);
          const excess = disk!.bits.dirtyBytes - disk!.bitmap.exact.dirtyBytes;
          expect(describeRecovery(disk!.bits).wholeRegions).toBeGreaterThanOrEqual(excess);
        }
      }
    },
  );
});
