import { readdirSync } from 'node:fs';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { connectNbd, startNbdServer } from '@tidemark/nbd';
import { TrackedDevice, WriteRecorder } from '@tidemark/tracking';
import { Random } from './random.ts';

export interface SoakOptions {
  readonly connections: number;
  readonly milliseconds: number;
  readonly seed: number;
  readonly socket: string;
}

export interface SoakReport {
  readonly connects: number;
  readonly drops: number;
  readonly writes: number;
  /** Granules that were written and are clean: none may be. */
  readonly missed: number;
  /** Granules that are dirty and that nobody has written. */
  readonly tooMany: number;
  readonly descriptorsLeft: number;
  /** MiB in use in the middle and at the end. */
  readonly memory: readonly [number, number];
}

const SIZE = 256 * 2 ** 20;
const GRANULE = 65_536;
const MAX_WRITE = 16_384;
const PATIENCE = 120_000;

/** Clients that come, write, and leave or are cut off, all at once, for some time. */
export async function soakNbd(options: SoakOptions): Promise<SoakReport> {
  const { connections, milliseconds, seed, socket } = options;
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const atStart = descriptors();
  const bitmaps = [GRANULE, 4096].map((granularity) => new DirtyBitmap(SIZE, granularity));
  const recorder = new WriteRecorder();
  for (const bitmap of bitmaps) recorder.attach(bitmap);
  const device = new TrackedDevice(new MemoryDevice({ size: SIZE }), { recorder });
  const server = await startNbdServer({
    address: { type: 'unix', path: socket },
    exports: [
      {
        name: '',
        device,
        bitmaps: () => bitmaps.map((bitmap, i) => ({ name: `${i}`, content: () => bitmap })),
      },
    ],
    // Guests and server share one thread here.
    limits: { clients: connections + 8, handshake: PATIENCE },
  });
  const oracle = new Oracle(bitmaps.map(({ granularity }) => granularity));
  const until = performance.now() + milliseconds;
  const count = { connects: 0, drops: 0, writes: 0 };
  const uri = `nbd+unix:///?socket=${encodeURIComponent(socket)}`;
  const guests = Array.from({ length: connections }, async (_, i) => {
    const random = new Random(seed + i);
    while (performance.now() < until) await visit(uri, random, oracle, count);
  });
  let middle = 0;
  const halfway = setTimeout(() => (middle = memory()), milliseconds / 2);
  await Promise.all(guests);
  clearTimeout(halfway);
  const atEnd = memory();
  await server.close();
  await device.close();
  return {
    ...count,
    ...oracle.compare(bitmaps),
    descriptorsLeft: descriptors() - atStart,
    memory: [middle, atEnd],
  };
}

/** Sizes of the heap and of buffers behind it; what the system has not taken back yet is not meant. */
function memory(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) >> 20;
}

async function visit(
  uri: string,
  random: Random,
  oracle: Oracle,
  count: { connects: number; drops: number; writes: number },
): Promise<void> {
  const disk = await connectNbd(uri, { contexts: ['qemu:dirty-bitmap:0'], timeout: PATIENCE });
  count.connects += 1;
  const writes: Promise<void>[] = [];
  for (let i = random.below(20); i > 0; i--) {
    const offset = random.below(SIZE - MAX_WRITE);
    const length = 1 + random.below(MAX_WRITE);
    // Once it is sent it may be made, whatever becomes of us.
    oracle.mayWrite(offset, length);
    const write = disk.write(Buffer.alloc(length, 1), offset);
    writes.push(write.then(() => oracle.wrote(offset, length)));
    if (random.chance(0.3)) await disk.read(Buffer.alloc(4096), offset - (offset % 4096));
    count.writes += 1;
  }
  if (random.chance(0.1))
    for await (const _ of disk.contextExtents('qemu:dirty-bitmap:0', 0, SIZE)) break;
  if (random.chance(0.4)) {
    count.drops += 1;
    // In the midst of it all.
    disk.destroy();
  }
  await Promise.allSettled(writes);
  await disk.close().catch(() => {});
}

/** What bitmaps have to hold, and what they may hold besides. */
class Oracle {
  readonly #granularities: readonly number[];
  readonly #must: Set<number>[];
  readonly #may: Set<number>[];

  constructor(granularities: readonly number[]) {
    this.#granularities = granularities;
    this.#must = granularities.map(() => new Set());
    this.#may = granularities.map(() => new Set());
  }

  mayWrite(offset: number, length: number): void {
    this.#note(this.#may, offset, length);
  }

  wrote(offset: number, length: number): void {
    this.#note(this.#must, offset, length);
  }

  compare(bitmaps: readonly DirtyBitmap[]): { missed: number; tooMany: number } {
    let missed = 0;
    let tooMany = 0;
    for (const [index, bitmap] of bitmaps.entries()) {
      const size = this.#granularities[index]!;
      const dirty = new Set<number>();
      for (const { offset, length } of bitmap.dirtyExtents()) {
        for (let at = offset; at < offset + length; at += size) dirty.add(at / size);
      }
      missed += [...this.#must[index]!].filter((granule) => !dirty.has(granule)).length;
      tooMany += [...dirty].filter((granule) => !this.#may[index]!.has(granule)).length;
    }
    return { missed, tooMany };
  }

  #note(sets: readonly Set<number>[], offset: number, length: number): void {
    for (const [index, size] of this.#granularities.entries()) {
      const last = Math.floor((offset + length - 1) / size);
      for (let granule = Math.floor(offset / size); granule <= last; granule++) {
        sets[index]!.add(granule);
      }
    }
  }
}
