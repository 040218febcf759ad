import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BitSource, DirtyBitmap, UnreadBits } from '../src/index.ts';

const GRANULARITY = 512;
const PIECE = 4096;
/** Three chunks, and a part of one. */
const GRANULES = 3 * 32_768 + 100;
const BYTES = Math.ceil(GRANULES / 64) * 8;
const PIECES = Math.ceil(BYTES / PIECE);

/** Bits on a disk that is overwritten once they were kept, and some of which cannot be read. */
class Disk implements BitSource {
  readonly bytes: Uint8Array;
  readonly #broken: ReadonlySet<number>;

  constructor(bytes: Uint8Array, broken: ReadonlySet<number>) {
    this.bytes = bytes;
    this.#broken = broken;
  }

  readNow(target: Uint8Array, at: number): boolean {
    // What lies behind the end is anybody's.
    target.fill(0xff).set(this.bytes.subarray(at, at + target.length));
    const last = Math.ceil((at + target.length) / PIECE);
    for (let piece = at / PIECE; piece < last; piece++) if (this.#broken.has(piece)) return false;
    return true;
  }

  /** As late as can be: after all that happens in this tick. */
  async read(target: Uint8Array, at: number): Promise<void> {
    await turn();
    if (!this.readNow(target, at)) throw new Error('broken');
  }
}

/** A bitmap, and what it has to hold: a byte for each granule. */
interface Modelled {
  readonly real: DirtyBitmap;
  readonly naive: Uint8Array;
  /** What is certain of it: the same with clean bits where its own cannot be read. */
  readonly lower: Uint8Array;
  /** What cannot be read is clean to it. */
  readonly isCertain: boolean;
}

interface World {
  readonly disk: Disk;
  readonly unread: UnreadBits;
  readonly broken: ReadonlySet<number>;
  readonly all: Modelled[];
}

type Change =
  | { readonly op: 'write'; readonly at: number; readonly count: number; readonly dirty: boolean }
  | { readonly op: 'merge' | 'load'; readonly from: number }
  | { readonly op: 'clone'; readonly certain: boolean }
  | { readonly op: 'count' | 'countAhead' | 'keepAll' | 'list' | 'turn' }
  | { readonly op: 'overwrite'; readonly at: number; readonly count: number };
type Step = Change & { readonly of: number };

const index = fc.nat({ max: 3 });
const at = fc.constantFrom(0, 7, 32_760, 32_768, 40_000, 65_536, 98_304, 98_390);
const count = fc.oneof(
  { arbitrary: fc.integer({ min: 1, max: 300 }), weight: 5 },
  { arbitrary: fc.constantFrom(32_768, GRANULES), weight: 1 },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ op: fc.constant('write' as const), of: index, at, count, dirty: fc.boolean() }),
  fc.record({ op: fc.constantFrom('merge' as const, 'load' as const), of: index, from: index }),
  fc.record({ op: fc.constant('clone' as const), of: index, certain: fc.boolean() }),
  fc.record({
    op: fc.constantFrom('count', 'countAhead', 'keepAll', 'list', 'turn' as const),
    of: index,
  }) as fc.Arbitrary<Step>,
  fc.record({ op: fc.constant('overwrite' as const), of: index, at, count }),
);

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const chunkOf = (bit: number) => Math.floor(bit / 32_768);

function worldOf(stored: Uint8Array, putOff: ReadonlySet<number>, broken: ReadonlySet<number>) {
  const disk = new Disk(stored.slice(), broken);
  const real = new DirtyBitmap(GRANULES * GRANULARITY, GRANULARITY);
  real.deserialize(stored);
  const unread = new UnreadBits(disk, GRANULES);
  for (const piece of putOff) real.putOff(piece * PIECE, PIECE, unread);
  const naive = Uint8Array.from({ length: GRANULES }, (_, bit) => {
    const isLost = putOff.has(chunkOf(bit)) && broken.has(chunkOf(bit));
    return isLost ? 1 : (stored[bit >> 3]! >> (bit & 7)) & 1;
  });
  const lower = naive.map((bit, i) => (broken.has(chunkOf(i)) && putOff.has(chunkOf(i)) ? 0 : bit));
  const lost = new Set([...broken].filter((piece) => putOff.has(piece)));
  return { disk, unread, broken: lost, all: [{ real, naive, lower, isCertain: false }] } as World;
}

function take(world: World, made: Step, pending: Promise<unknown>[]): void {
  const { all, disk, unread } = world;
  const { real, naive, lower, isCertain } = all[made.of % all.length]!;
  if (made.op === 'clone') {
    const options = made.certain ? { unreadable: 'clean' as const } : {};
    const copy = { naive: naive.slice(), lower: lower.slice() };
    all.push({ real: real.clone(options), ...copy, isCertain: made.certain || isCertain });
  } else if (made.op === 'write') {
    const end = Math.min(GRANULES, made.at + made.count);
    const length = (end - made.at) * GRANULARITY;
    if (made.dirty) real.set(made.at * GRANULARITY, length);
    else real.reset(made.at * GRANULARITY, length);
    for (const bits of [naive, lower]) bits.fill(made.dirty ? 1 : 0, made.at, end);
  } else if (made.op === 'merge' || made.op === 'load') {
    const source = all[made.from % all.length]!;
    // Nothing is put into what is certain but that.
    if (isCertain || source.isCertain) return;
    if (made.op === 'merge') {
      real.merge(source.real);
      for (let bit = 0; bit < GRANULES; bit++) {
        naive[bit]! |= source.naive[bit]!;
        // As if it were written: a store gets what the bitmap says then.
        lower[bit]! |= source.naive[bit]!;
      }
    } else {
      real.deserialize(bytesOf(source));
      for (const bits of [naive, lower]) bits.set(source.naive);
    }
  } else if (made.op === 'overwrite') {
    const from = made.at >> 3;
    const length = Math.min(BYTES - from, Math.ceil(made.count / 8));
    unread.keep(from, length);
    // Whole sectors, in which other bits than those of the bitmap may be set.
    disk.bytes.fill(0xa5, from, from + length);
  } else if (made.op === 'keepAll') {
    pending.push(unread.keepAll().then(() => disk.bytes.fill(0x5a)));
  } else if (made.op === 'countAhead') pending.push(real.countAhead());
  else if (made.op === 'count') expectCount(all[made.of % all.length]!);
  else if (made.op === 'list') expectRuns(all[made.of % all.length]!);
}

function bytesOf({ naive }: Pick<Modelled, 'naive'>): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  for (let bit = 0; bit < GRANULES; bit++) bytes[bit >> 3]! |= naive[bit]! << (bit & 7);
  return bytes;
}

function expectCount({ real, naive, isCertain }: Modelled): void {
  if (isCertain) return;
  expect(real.count).toBe(naive.reduce((sum, bit) => sum + bit, 0));
}

function expectRuns({ real, naive, isCertain }: Modelled): void {
  if (isCertain) return;
  const listed = new Uint8Array(GRANULES);
  for (const { offset, length } of real.dirtyExtents()) {
    listed.fill(1, offset / GRANULARITY, (offset + length) / GRANULARITY);
  }
  expect(Buffer.compare(listed, naive)).toBe(0);
}

function expectBits(
  { real, naive, lower, isCertain }: Modelled,
  broken: ReadonlySet<number>,
): void {
  const bytes = new Uint8Array(BYTES);
  real.serialize(bytes);
  const wrong: number[] = [];
  for (let bit = 0; bit < GRANULES; bit++) {
    const isSet = (bytes[bit >> 3]! >> (bit & 7)) & 1;
    if (isCertain && broken.has(chunkOf(bit))) {
      if (isSet > lower[bit]!) wrong.push(bit);
    } else if (isSet !== naive[bit]) wrong.push(bit);
  }
  expect(wrong.slice(0, 5)).toEqual([]);
}

const pieces = fc.subarray(Array.from({ length: PIECES }, (_, piece) => piece));
const stored = fc
  .tuple(fc.uint8Array({ minLength: 64, maxLength: 64 }), fc.nat({ max: 2 }))
  .map(([some, kind]) => {
    const all = new Uint8Array(BYTES);
    if (kind > 0) all.set(some, PIECE - 32);
    if (kind > 1) all.fill(0xff, PIECE, 2 * PIECE);
    all.set(some.subarray(0, 8), BYTES - 16);
    // Bits behind the end, which nobody may see.
    all.fill(0xff, BYTES - 3);
    return all;
  });

describe('a bitmap whose bits are read when they are needed', () => {
  it('is what it would be if they had been read at once, and so are its clones', async () => {
    await fc.assert(
      fc.asyncProperty(
        stored,
        pieces,
        pieces,
        fc.array(step, { maxLength: 40, size: 'max' }),
        async (bytes, putOff, broken, steps) => {
          const world = worldOf(bytes, new Set(putOff), new Set(broken));
          const pending: Promise<unknown>[] = [];
          for (const each of steps) {
            take(world, each, pending);
            if (each.op === 'turn') await turn();
          }
          await Promise.all(pending);
          for (const each of world.all) {
            expectBits(each, world.broken);
            expectCount(each);
            expectRuns(each);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
