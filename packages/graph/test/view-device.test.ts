import { type BlockDevice, ForwardingDevice, MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { expect, it } from 'vitest';
import { ReadsUnderWay } from '../src/device/reads-under-way.ts';
import { CopyBeforeWrite } from '../src/jobs/copy-before-write.ts';
import { ViewDevice } from '../src/views/view-device.ts';

const CLUSTER = 65_536;
const CLUSTERS = 64;
const SIZE = CLUSTER * CLUSTERS;

/** Counts how often it is asked what is there. */
class Asked extends ForwardingDevice {
  count = 0;
  meanwhile: () => Promise<void> = async () => {};

  override async *extents(offset: number, length: number) {
    this.count += 1;
    for await (const extent of super.extents(offset, length)) yield extent;
    await this.meanwhile();
  }
}

/** Every third cluster has data, and the view begins with all of it. */
async function begin(wanted?: DirtyBitmap) {
  const source = new Asked(new MemoryDevice({ size: SIZE }));
  const scratch = new Asked(new MemoryDevice({ size: SIZE }));
  for (let n = 0; n < CLUSTERS; n += 3) await source.write(Buffer.alloc(CLUSTER, 1), n * CLUSTER);
  const reads = new ReadsUnderWay();
  const onBroken = (error: Error) => {
    throw error;
  };
  const copy = new CopyBeforeWrite({
    ...{ source, target: scratch, targetReads: reads, cluster: CLUSTER },
    onBroken,
  });
  const pending = copy.nothing();
  if (wanted === undefined) pending.setAll();
  else pending.merge(wanted);
  copy.begin(pending);
  const view = new ViewDevice({
    ...{ label: 'view', source, copy, scratch, wanted: () => wanted, whyBroken: () => undefined },
  });
  const write = async (n: number, byte: number) => {
    await copy.beforeWrite(n * CLUSTER, CLUSTER);
    if (byte === 0) await source.writeZeroes(n * CLUSTER, CLUSTER);
    else await source.write(Buffer.alloc(CLUSTER, byte), n * CLUSTER);
  };
  return { source, scratch, view, write };
}

/** Clusters that are zeros, as the device tells. */
async function zerosOf(device: BlockDevice): Promise<readonly number[]> {
  const zeros: number[] = [];
  let end = 0;
  for await (const { offset, length, zero } of device.extents(0, SIZE)) {
    expect(offset).toBe(end);
    end = offset + length;
    if (!zero) continue;
    for (let at = offset; at < end; at += CLUSTER) zeros.push(at / CLUSTER);
  }
  expect(end).toBe(SIZE);
  return zeros;
}

const ZEROS = Array.from({ length: CLUSTERS }, (_, n) => n).filter((n) => n % 3 > 0);

it('asks each device once, however many pieces writes have left of it', async () => {
  const { source, scratch, view, write } = await begin();
  for (let n = 0; n < CLUSTERS; n += 2) await write(n, n % 4 === 0 ? 0 : 7);
  source.count = 0;
  scratch.count = 0;
  expect(await zerosOf(view)).toEqual(ZEROS);
  expect([source.count, scratch.count]).toEqual([1, 1]);
});

it('tells nothing of what is written while it asks, but that it is data', async () => {
  const { source, scratch, view, write } = await begin();
  for (let n = 0; n < CLUSTERS; n += 8) await write(n, 7);
  // What was data becomes zeros, and what was zeros data, after the source and after the scratch file have answered.
  for (const [device, n] of [
    [source, 3],
    [source, 4],
    [scratch, 33],
    [scratch, 34],
  ] as const) {
    const before = device.meanwhile;
    device.meanwhile = async () => {
      device.meanwhile = async () => {};
      await before();
      await write(n, n % 3 === 0 ? 0 : 7);
    };
  }
  const told = await zerosOf(view);
  // Runs 1 to 7 and 33 to 39 were written to: they count as data.
  expect(told).toEqual(ZEROS.filter((n) => !(n > 0 && n < 8) && !(n > 32 && n < 40)));
});

it('asks for nothing outside of what is wanted', async () => {
  const wanted = new DirtyBitmap(SIZE, CLUSTER);
  wanted.set(4 * CLUSTER, CLUSTER);
  const { source, scratch, view } = await begin(wanted);
  expect(await zerosOf(view)).toEqual([4]);
  expect([source.count, scratch.count]).toEqual([1, 0]);
});
