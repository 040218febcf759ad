import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import { RecordingDevice } from '@tidemark/block/testing';
import { expect, it } from 'vitest';
import { BitmapDirectory, createQcow2, openQcow2 } from '../src/index.ts';
import { bitmapOf, put } from './support/bitmaps.ts';

const CLUSTER = 512;
/** One cluster of bits, at 512 bytes to a bit. */
const SIZE = CLUSTER * 8 * 512;
const DIRTY = { granularity: 512, dirty: [[0, 5000]] } as const;

/** Writes to one sector wait until they are let go. */
class StallingDevice {
  readonly device: BlockDevice;
  stalledAt = -1;
  #letGo: () => void = () => {};

  constructor(inner: BlockDevice) {
    const write = async (source: Uint8Array, offset: number) => {
      if (offset === this.stalledAt) await new Promise<void>((go) => (this.#letGo = go));
      await inner.write(source, offset);
    };
    this.device = new Proxy(inner, {
      get(target, name) {
        if (name === 'writeNow') return () => false;
        const value: unknown = name === 'write' ? write : Reflect.get(target, name, target);
        return typeof value === 'function' && name !== 'write' ? value.bind(target) : value;
      },
    });
  }

  letGo(): void {
    this.#letGo();
  }
}

/** An image with a live bitmap that has a cluster of bits, and where that lies. */
async function liveBitmap() {
  const memory = new MemoryDevice({ size: 0 });
  await createQcow2(memory, { size: SIZE, clusterSize: CLUSTER });
  const recorder = await RecordingDevice.startOn(memory);
  const stalling = new StallingDevice(recorder);
  const image = await openQcow2(stalling.device, { writable: true });
  const directory = await BitmapDirectory.open({ image: image.metadata });
  await put({ directory }, 'a', bitmapOf(SIZE, DIRTY));
  const live = await directory.openLive('a');
  const from = recorder.events.length;
  const place = async () => {
    await live.write(new Uint8Array(CLUSTER).fill(1), 0);
    const written = recorder.events.slice(from).find(({ op }) => op === 'write');
    return written?.op === 'write' ? written.offset : Number.NaN;
  };
  return { recorder, stalling, image, directory, live, place: await place() };
}

const clear = (directory: BitmapDirectory) =>
  put({ directory }, 'a', bitmapOf(SIZE, { granularity: 512, dirty: [[SIZE - 1, 1]] }));

it('A4: bits that come late do not go to a cluster that was freed', async () => {
  const { recorder, stalling, directory, live, place } = await liveBitmap();
  stalling.stalledAt = place;
  const late = live.write(new Uint8Array(CLUSTER).fill(7), 0);
  const cleared = clear(directory);
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  const before = recorder.events.length;
  stalling.letGo();
  await Promise.all([late, cleared]);
  const rest = recorder.events.slice(before);
  const written = rest.flatMap((event) => (event.op === 'write' ? [event.offset] : []));
  // The commit waits for it, and nothing goes there afterwards.
  expect(written.indexOf(0)).toBeGreaterThan(written.lastIndexOf(place));
  expect(written.filter((offset) => offset === place)).toEqual([place]);
  await expect(live.write(new Uint8Array(CLUSTER), 0)).rejects.toThrow(RangeError);
});

it('A5: a cluster of bits holds something else only when its unlink is durable', async () => {
  const { recorder, image, directory, place } = await liveBitmap();
  const before = recorder.events.length;
  await clear(directory);
  // Guest data takes what is free, the cluster of the old bits among it.
  await image.write(new Uint8Array(20 * CLUSTER).fill(9), 0);
  await image.close();
  const { events } = recorder;
  const reused = events.findIndex(
    (event, index) => index >= before && event.op === 'write' && covers(event, place),
  );
  const unlinked = events.findIndex(
    (event, index) => index >= before && event.op === 'write' && event.offset === 0,
  );
  expect(unlinked).toBeGreaterThan(0);
  expect(reused).toBeGreaterThan(unlinked);
  const flushed = events
    .slice(unlinked, reused)
    .some((event) => event.op === 'flush' && event.upTo > unlinked && !event.except.has(unlinked));
  expect(flushed).toBe(true);
});

function covers({ offset, bytes }: { offset: number; bytes: Uint8Array }, place: number): boolean {
  return offset <= place && place < offset + bytes.length;
}
