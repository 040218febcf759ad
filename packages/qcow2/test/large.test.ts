import { MemoryDevice } from '@tidemark/block';
import { FaultDevice } from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import { BitmapDirectory, createQcow2, openQcow2 } from '../src/index.ts';
import { bitmapOf, put } from './support/bitmaps.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const TIB = 2 ** 40;

/** Counts what a sparse device is asked for. */
class CountingDevice extends FaultDevice {
  calls = 0;
  bytes = 0;

  override async read(target: Uint8Array, offset: number): Promise<void> {
    this.#count(target.length);
    await super.read(target, offset);
  }

  override async write(source: Uint8Array, offset: number): Promise<void> {
    this.#count(source.length);
    await super.write(source, offset);
  }

  #count(length: number): void {
    this.calls++;
    this.bytes += length;
  }

  /** Since it was asked last. */
  take(): { calls: number; bytes: number } {
    const taken = { calls: this.calls, bytes: this.bytes };
    this.calls = 0;
    this.bytes = 0;
    return taken;
  }
}

async function largeImage(size: number) {
  const device = new CountingDevice(new MemoryDevice({ size: 0 }));
  await createQcow2(device, { size });
  const made = device.take();
  const image = await openQcow2(device, { writable: true });
  return { device, image, made };
}

describe('an image of a 1 TiB disk', () => {
  it('is made and opened by what its tables cost, not by its size', async () => {
    const { device, made } = await largeImage(TIB);
    expect(made.calls).toBeLessThan(10);
    expect(made.bytes).toBeLessThan(MIB);
    // The L1 table of 16 KiB, and the first cluster.
    const opened = device.take();
    expect(opened.calls).toBeLessThan(6);
    expect(opened.bytes).toBeLessThan(128 * KIB);
    expect(device.size).toBeLessThan(MIB);
  });

  it('is written by what the writes cost', async () => {
    const { device, image } = await largeImage(TIB);
    device.take();
    const places = [0, 300 * 2 ** 30, TIB - 64 * KIB];
    for (const offset of places) await image.write(new Uint8Array(64 * KIB).fill(1), offset);
    await image.flush();
    // For each: its data, a table that is new, and single sectors.
    const { calls, bytes } = device.take();
    expect(calls).toBeLessThan(25);
    expect(bytes).toBeLessThan(3 * (64 + 64) * KIB + 256 * KIB);
    for (const offset of places) await image.read(new Uint8Array(64 * KIB), offset);
    expect(device.take()).toEqual({ calls: 3, bytes: 3 * 64 * KIB });
    await image.discard(0, TIB);
    await image.writeZeroes(0, TIB);
    await image.flush();
    expect(device.take().bytes).toBeLessThan(512 * KIB);
    await image.close();
    expect(device.size).toBeLessThan(2 * MIB);
  });

  it('says what it holds in few steps', async () => {
    const { device, image } = await largeImage(TIB);
    await image.write(new Uint8Array(64 * KIB).fill(1), 2 ** 39);
    await image.flush();
    device.take();
    const extents = [];
    for await (const extent of image.extents(0, TIB)) extents.push(extent);
    expect(extents).toEqual([
      { offset: 0, length: 2 ** 39, zero: true, allocated: false, depth: 0 },
      { offset: 2 ** 39, length: 64 * KIB, zero: false, allocated: true, depth: 1 },
      {
        offset: 2 ** 39 + 64 * KIB,
        length: 2 ** 39 - 64 * KIB,
        zero: true,
        allocated: false,
        depth: 0,
      },
    ]);
    expect(device.take()).toEqual({ calls: 0, bytes: 0 });
  });

  it('keeps bitmaps that cost what is dirty in them', async () => {
    const { device, image } = await largeImage(TIB);
    const directory = await BitmapDirectory.open({ image: image.metadata });
    device.take();
    const empty = bitmapOf(TIB);
    const some = bitmapOf(TIB, {
      dirty: [
        [5 * 2 ** 30, 1],
        [900 * 2 ** 30, 2 ** 30],
      ],
    });
    const full = bitmapOf(TIB, { dirty: [[0, TIB]] });
    await put({ directory }, 'empty', empty);
    const cost = device.take();
    expect(cost.bytes).toBeLessThan(300 * KIB);
    await put({ directory }, 'full', full);
    await put({ directory }, 'some', some);
    // Two clusters of data more than an empty one.
    expect(device.take().bytes).toBeLessThan(2 * cost.bytes + 2 * 64 * KIB + 64 * KIB);

    for (const [name, content] of Object.entries({ empty, some, full })) {
      expect((await directory.readContent(name)).sha256()).toBe(content.sha256());
    }
    expect(device.take().bytes).toBeLessThan(3 * KIB + 2 * 64 * KIB);
    const records = directory.records.map((record) => ({ ...record, inUse: true }));
    await directory.replace(records, new Map());
    expect(device.take().bytes).toBeLessThan(200 * KIB);
  });

  it('holds 2^53 bytes at the most', async () => {
    const { image } = await largeImage(2 ** 50);
    expect(image.size).toBe(2 ** 50);
    await image.write(Uint8Array.of(1), 2 ** 50 - 1);
    const byte = new Uint8Array(1);
    await image.read(byte, 2 ** 50 - 1);
    expect(byte[0]).toBe(1);
    const tooLarge = createQcow2(new MemoryDevice({ size: 0 }), { size: 2 ** 53 });
    await expect(tooLarge).rejects.toMatchObject({ code: 'OUT_OF_RANGE' });
  });
});
