import { beforeEach, describe, expect, it } from 'vitest';
import { allRanges } from '../src/bitmaps/reclaim.ts';
import { RangeSet } from '../src/util/range-set.ts';
import { BitmapDirectory, openQcow2 } from '../src/index.ts';
import { bitmapOf, newBitmaps, type OpenedBitmaps, put, remove } from './support/bitmaps.ts';
import { TestDevice } from './support/test-device.ts';

const TiB = 2 ** 40;
const GRANULARITY = 65_536;
const KIB = 1024;

interface Access {
  readonly offset: number;
  readonly length: number;
}

/** A device that knows where it was read. */
class WatchedDevice extends TestDevice {
  readonly accesses: Access[] = [];

  override async read(target: Uint8Array, offset: number): Promise<void> {
    this.accesses.push({ offset, length: target.length });
    await super.read(target, offset);
  }

  override async write(source: Uint8Array, offset: number): Promise<void> {
    this.accesses.push({ offset, length: source.length });
    await super.write(source, offset);
  }
}

/** A bitmap of a disk of 1 TiB with a cluster of bits here and there. */
const scattered = (first: number) =>
  bitmapOf(TiB, {
    granularity: GRANULARITY,
    dirty: [0, 1, 2, 3].map((index) => [(first + index * 8) * 32 * 2 ** 30, GRANULARITY] as const),
  });

/** Bytes that a change of bitmap 'b' moves, and whether any of them are of other bitmaps. */
async function costOf(
  bytes: Uint8Array,
  change: (opened: Pick<OpenedBitmaps, 'directory'>) => Promise<void>,
) {
  const device = new WatchedDevice({ bytes });
  const image = await openQcow2(device, { writable: true });
  const directory = await BitmapDirectory.open({ image: image.metadata });
  const others = directory.records.filter(({ name }) => name !== 'b');
  const data = (await allRanges(image.metadata, others))!.filter(
    ({ offset }) => offset !== image.metadata.bitmaps!.directoryOffset,
  );
  device.accesses.length = 0;
  await change({ directory });
  const foreign = new RangeSet(data);
  return {
    bytes: device.accesses.reduce((sum, { length }) => sum + length, 0),
    foreign: device.accesses.filter((access) => foreign.touches(access)),
  };
}

describe('a change of one bitmap of an image that has others', () => {
  let few: Uint8Array;
  let many: Uint8Array;

  beforeEach(async () => {
    const opened = await newBitmaps({ size: TiB });
    await put(opened, 'a', scattered(1));
    await put(opened, 'b', scattered(2));
    few = opened.device.bytes.slice();
    for (let i = 0; i < 10; i++) await put(opened, `other ${i}`, scattered(i % 8));
    many = opened.device.bytes.slice();
  });

  const changes = {
    add: (opened) => put(opened, 'new', bitmapOf(TiB, { granularity: GRANULARITY })),
    clear: (opened) => put(opened, 'b', bitmapOf(TiB, { granularity: GRANULARITY })),
    remove: (opened) => remove(opened, 'b'),
    disable: ({ directory }) =>
      directory.replace(
        directory.records.map((record) => ({ ...record, enabled: record.name !== 'b' })),
        new Map(),
      ),
  } satisfies Record<string, (opened: Pick<OpenedBitmaps, 'directory'>) => Promise<void>>;

  it.each(Object.entries(changes))('reads and writes none of the others: %s', async (_, change) => {
    const cost = await costOf(many, change);
    expect(cost.foreign).toEqual([]);
    // A table, a directory, two refcount blocks and what is read of the header: no bits.
    expect(cost.bytes).toBeLessThan(400 * KIB);
    const alone = await costOf(few, change);
    expect(cost.bytes - alone.bytes).toBeLessThan(4 * KIB);
  });

  it('reads and writes its own bits, and those of a source, when it is merged', async () => {
    const merging = async ({ directory }: Pick<OpenedBitmaps, 'directory'>) => {
      const sources = directory.records.filter(({ name }) => name === 'a' || name === 'b');
      await directory.replace(directory.records, new Map(), {
        merges: new Map([['b', { sources }]]),
      });
    };
    const cost = await costOf(many, merging);
    const alone = await costOf(few, merging);
    expect(cost.bytes - alone.bytes).toBeLessThan(4 * KIB);
    // Four clusters of each that are read, and eight that are written.
    expect(cost.bytes).toBeLessThan(16 * 64 * KIB + 400 * KIB);
    const own = await costOf(many, async ({ directory }) => {
      await directory.replace(directory.records, new Map(), {
        merges: new Map([['b', { sources: directory.records.filter(({ name }) => name === 'b') }]]),
      });
    });
    expect(own.foreign).toEqual([]);
  });
});
