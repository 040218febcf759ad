import { describe, expect, it } from 'vitest';
import { openQcow2, probeFormat } from '../src/index.ts';
import { checkImage } from './support/check-image.ts';
import { expectSame, newImage, readAll } from './support/images.ts';
import { TestDevice } from './support/test-device.ts';
import { randomOf, runWorkload } from './support/workload.ts';

const KIB = 1024;

describe('a qcow2 image', () => {
  it.each([
    { version: 3, clusterSize: 512, refcountBits: 1 },
    { version: 3, clusterSize: 512, refcountBits: 64 },
    { version: 3, clusterSize: 4 * KIB, refcountBits: 2 },
    { version: 3, clusterSize: 64 * KIB, refcountBits: 16 },
    { version: 3, clusterSize: 2048 * KIB, refcountBits: 32 },
    { version: 2, clusterSize: 1 * KIB, refcountBits: 16 },
  ] as const)('reads what was written to it: %j', async (options) => {
    const { device, image } = await newImage({ ...options, size: 700 * KIB + 512 });
    const model = new Uint8Array(image.size);
    const workload = {
      seed: 7,
      steps: 150,
      model,
      longest: 40_000,
      discardReads: 'zeros',
    } as const;
    await runWorkload(image, workload);
    await image.close();
    const again = await openQcow2(new TestDevice({ bytes: device.bytes, writable: false }));
    expectSame(await readAll(again), model);
  });

  it('survives overlapping calls, each whole cluster being of one of the writers', async () => {
    const { image } = await newImage({ size: 256 * KIB, clusterSize: 4 * KIB });
    const random = randomOf(3);
    const calls: Promise<void>[] = [];
    for (let i = 1; i <= 200; i++) {
      const cluster = random(64) * 4 * KIB;
      calls.push(image.write(new Uint8Array(4 * KIB).fill(i), cluster));
      if (i % 10 === 0) calls.push(image.flush());
      if (i % 13 === 0) calls.push(image.discard(random(64) * 4 * KIB, 4 * KIB));
      if (i % 7 === 0) calls.push(image.read(new Uint8Array(64 * KIB), random(3) * 64 * KIB));
    }
    await Promise.all(calls);
    const content = await readAll(image);
    for (let at = 0; at < content.length; at += 4 * KIB) {
      const cluster = content.subarray(at, at + 4 * KIB);
      expect(cluster.every((byte) => byte === cluster[0])).toBe(true);
    }
  });

  it('keeps both of two writes to one cluster that start together', async () => {
    const { image } = await newImage({ size: 1024 * KIB });
    await Promise.all([
      image.write(new Uint8Array(100).fill(1), 0),
      image.write(new Uint8Array(100).fill(2), 100),
      image.write(new Uint8Array(70_000).fill(3), 60_000),
    ]);
    const content = await readAll(image);
    const at = (offset: number) => content[offset];
    expect([0, 99, 100, 199, 200, 60_000, 129_999, 130_000].map(at)).toEqual([
      1, 1, 2, 2, 0, 3, 3, 0,
    ]);
  });

  it('reads a run of clusters that lie in a row with one call to the device', async () => {
    const { device, image } = await newImage({ size: 4096 * KIB });
    await image.write(new Uint8Array(2048 * KIB).fill(9), 0);
    device.reads = 0;
    await image.read(new Uint8Array(2048 * KIB), 0);
    expect(device.reads).toBe(1);
  });

  it('tells data, zeros and clusters that were never written apart', async () => {
    const { image } = await newImage({ size: 320 * KIB });
    await image.write(new Uint8Array(64 * KIB).fill(1), 64 * KIB);
    await image.write(new Uint8Array(64 * KIB).fill(1), 128 * KIB);
    await image.write(new Uint8Array(64 * KIB).fill(1), 192 * KIB);
    await image.writeZeroes(128 * KIB, 64 * KIB, { unmap: false });
    await image.writeZeroes(192 * KIB, 64 * KIB);
    const extents = [];
    for await (const extent of image.extents(0, image.size)) extents.push(extent);
    expect(extents).toEqual([
      { offset: 0, length: 64 * KIB, zero: true, allocated: false, depth: 0 },
      { offset: 64 * KIB, length: 64 * KIB, zero: false, allocated: true, depth: 1 },
      { offset: 128 * KIB, length: 64 * KIB, zero: true, allocated: true, depth: 1 },
      { offset: 192 * KIB, length: 64 * KIB, zero: true, allocated: false, depth: 1 },
      { offset: 256 * KIB, length: 64 * KIB, zero: true, allocated: false, depth: 0 },
    ]);
  });

  it('uses the space of discarded clusters again, after a flush', async () => {
    const { device, image } = await newImage({ size: 4096 * KIB });
    const data = new Uint8Array(1024 * KIB).fill(1);
    await image.write(data, 0);
    await image.flush();
    const size = device.size;
    for (let i = 0; i < 5; i++) {
      await image.discard(0, data.length);
      await image.flush();
      await image.write(data, 1024 * KIB * (i % 3));
      await image.discard(1024 * KIB * (i % 3), data.length);
      await image.flush();
    }
    expect(device.size).toBe(size);
  });

  it('does not use a discarded cluster before its unlink is flushed', async () => {
    const { device, image } = await newImage({ size: 1024 * KIB });
    await image.write(new Uint8Array(64 * KIB).fill(1), 0);
    await image.flush();
    const host = device.bytes.lastIndexOf(1);
    await image.discard(0, 64 * KIB);
    await image.write(new Uint8Array(64 * KIB).fill(2), 64 * KIB);
    expect(device.bytes[host]).toBe(1);
  });

  it('grows, and what is new reads as zeros', async () => {
    const { device, image } = await newImage({ size: 100 * KIB, clusterSize: 512 });
    const model = new Uint8Array(3000 * KIB);
    model.fill(5, 0, 100 * KIB);
    await image.write(model.subarray(0, 100 * KIB), 0);
    await image.resize(3000 * KIB);
    expectSame(await readAll(image), model);
    await runWorkload(image, { seed: 1, steps: 40, model, longest: 50_000 });
    await image.close();
    expectSame(await readAll(await openQcow2(device)), model);
  });

  it('shows nothing of its backing file in what it grows by', async () => {
    const backing = new TestDevice({ bytes: new Uint8Array(512 * KIB).fill(8) });
    const { device } = await newImage({ size: 100 * KIB, backing: { name: 'base' } });
    const openBacking = async () => backing;
    const image = await openQcow2(device, { writable: true, openBacking });
    await image.resize(600 * KIB);
    const content = await readAll(image);
    expect(content.subarray(0, 100 * KIB).every((byte) => byte === 8)).toBe(true);
    expect(content.subarray(100 * KIB).every((byte) => byte === 0)).toBe(true);
  });

  it('reads its backing file, and zeros behind the end of that', async () => {
    const base = new Uint8Array(150 * KIB).map((_, i) => i % 251);
    const { device } = await newImage({ size: 320 * KIB, backing: { name: 'b', format: 'raw' } });
    const asked: unknown[] = [];
    const image = await openQcow2(device, {
      writable: true,
      openBacking: async (name, format) => {
        asked.push([name, format]);
        return new TestDevice({ bytes: base, writable: false });
      },
    });
    expect(asked).toEqual([['b', 'raw']]);
    const model = new Uint8Array(image.size);
    model.set(base);
    expectSame(await readAll(image), model);
    await runWorkload(image, { seed: 5, steps: 60, model, longest: 90_000, discardReads: 'zeros' });
  });

  it('needs its backing file only for what lies in it', async () => {
    const { device, image } = await newImage({ size: 320 * KIB, backing: { name: 'base' } });
    await image.write(new Uint8Array(64 * KIB).fill(1), 0);
    await image.read(new Uint8Array(64 * KIB), 0);
    const unallocated = image.read(new Uint8Array(1), 64 * KIB);
    await expect(unallocated).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
    await image.close();
    await expect(openQcow2(device)).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
  });

  it('holds a disk of 8 TiB with little in the file and few tables in memory', async () => {
    const { device, image } = await newImage({ size: 8 * 2 ** 40 });
    const random = randomOf(11);
    const offsets = Array.from({ length: 300 }, () => random(2 ** 30) * 8 * KIB);
    for (const offset of offsets) await image.write(new Uint8Array(4).fill(offset / KIB), offset);
    for (const offset of offsets) {
      const bytes = new Uint8Array(4);
      await image.read(bytes, offset);
      expect(bytes[0]).toBe((offset / KIB) % 256);
    }
    expect(device.size).toBeLessThan(64 * 2 ** 20);
    await image.writeZeroes(0, image.size);
    await image.close();
  });

  it('is refused what it was not opened for, and everything after close', async () => {
    const { device, image } = await newImage({ size: 64 * KIB });
    await image.close();
    await image.close();
    await expect(image.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: 'DEVICE_CLOSED' });
    const reader = await openQcow2(device);
    const write = reader.write(new Uint8Array(1), 0);
    await expect(write).rejects.toMatchObject({ code: 'DEVICE_READ_ONLY' });
    const allocate = reader.metadata.allocate(1);
    await expect(allocate).rejects.toMatchObject({ code: 'DEVICE_READ_ONLY' });
    const beyond = reader.read(new Uint8Array(2), 64 * KIB - 1);
    await expect(beyond).rejects.toMatchObject({ code: 'OUT_OF_RANGE' });
  });

  it('says NO_SPACE on a device that cannot grow, and goes on with what it has', async () => {
    const device = new TestDevice({ bytes: new Uint8Array(8 * 64 * KIB), fixed: true });
    const { createQcow2 } = await import('../src/index.ts');
    await createQcow2(device, { size: 1024 * KIB });
    const image = await openQcow2(device, { writable: true });
    await image.write(new Uint8Array(64 * KIB).fill(1), 0);
    const tooMuch = image.write(new Uint8Array(512 * KIB).fill(2), 64 * KIB);
    await expect(tooMuch).rejects.toMatchObject({ code: 'NO_SPACE' });
    await image.write(new Uint8Array(64 * KIB).fill(3), 0);
    await image.close();
    const content = await readAll(await openQcow2(device));
    expect(content[0]).toBe(3);
  });

  it('writes nothing more once a flush has failed', async () => {
    const { device, image } = await newImage({ size: 1024 * KIB });
    await image.write(new Uint8Array(10), 0);
    device.failNext = { op: 'flush', error: new Error('lost') };
    await expect(image.flush()).rejects.toThrow('lost');
    await expect(image.flush()).rejects.toMatchObject({ code: 'IO_FAILED' });
    const write = image.write(new Uint8Array(10), 0);
    await expect(write).rejects.toMatchObject({ code: 'IO_FAILED' });
  });

  it('keeps the clusters of a write that failed for others', async () => {
    const { device, image } = await newImage({ size: 1024 * KIB });
    await image.write(new Uint8Array(64 * KIB).fill(1), 0);
    device.failNext = { op: 'write', error: new Error('bad sector') };
    const write = image.write(new Uint8Array(64 * KIB).fill(2), 64 * KIB);
    await expect(write).rejects.toThrow('bad sector');
    const content = await readAll(image);
    expect([content[0], content[64 * KIB]]).toEqual([1, 0]);
    await image.write(new Uint8Array(64 * KIB).fill(3), 64 * KIB);
    await image.close();
    expect(checkImage(device.bytes)).toEqual({ corruptions: [], leaks: 0, behindEnd: 0 });
  });

  it('is told from a raw disk by its first bytes', async () => {
    const { device } = await newImage({ size: 512 });
    expect(await probeFormat(device)).toBe('qcow2');
    expect(await probeFormat(new TestDevice({ bytes: new Uint8Array(512) }))).toBe('raw');
    expect(await probeFormat(new TestDevice())).toBe('raw');
  });
});
