import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BlockDevice, MemoryDevice, openFileDevice } from '@tidemark/block';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { NewImage, type NewImageOptions, openQcow2, probeFormat } from '../src/index.ts';

const MiB = 2 ** 20;
const dir = tempDir();
let count = 0;

interface Run {
  readonly gap: number;
  readonly clusters: number;
  readonly kind: 'data' | 'late' | 'sifted' | 'zeros';
}

/** Of so many bytes, every second cluster: the others are as they are behind the image. */
function everySecond(length: number, clusterSize: number) {
  const count = Math.ceil(Math.max(0, length - clusterSize) / (2 * clusterSize));
  return Array.from({ length: count }, (_, index) => {
    const from = (2 * index + 1) * clusterSize;
    return { from, to: Math.min(length, from + clusterSize) };
  });
}

/** Fills an image with runs, and gives the disk that it has to be. */
async function fill(image: NewImage, runs: readonly Run[], behind: Buffer): Promise<Buffer> {
  const { size, clusterSize } = image;
  const disk = Buffer.from(behind);
  let at = 0;
  for (const { gap, clusters, kind } of runs) {
    at += gap * clusterSize;
    const end = Math.min(size, at + clusters * clusterSize);
    if (at >= size) break;
    if (kind === 'zeros') {
      disk.fill(0, at, end);
      await image.zeros(at, end - at);
      at = end;
    }
    const siftedEnd = kind === 'sifted' ? end : at;
    while (at < siftedEnd) {
      const room = image.sift(at, end - at);
      const parts = everySecond(room.length, clusterSize);
      room.fill(0);
      for (const { from, to } of parts) {
        room.fill((at / clusterSize) % 251 || 7, from, to);
        disk.set(room.subarray(from, to), at + from);
      }
      image.keep(parts);
      at += room.length;
      await image.ready();
    }
    while (at < end) {
      const room = image.room(at, end - at);
      const content = Buffer.alloc(room.length, (at / clusterSize) % 251 || 7);
      disk.set(content, at);
      if (kind === 'data') room.set(content);
      else image.waitFor(new Promise(setImmediate).then(() => room.set(content)));
      at += room.length;
      await image.ready();
    }
  }
  await image.finish();
  return disk;
}

const runs = fc.array(
  fc.record({
    gap: fc.nat(40),
    clusters: fc.integer({ min: 1, max: 60 }),
    kind: fc.constantFrom('data', 'late', 'sifted', 'zeros'),
  }),
  { maxLength: 30 },
);

describeWithQemu('an image that is written from front to back', ['qemu-img'], () => {
  it('is what it was filled with, to QEMU too, and has no fault', async () => {
    const property = fc.asyncProperty(
      runs,
      fc.constantFrom(512, 4096, 65_536),
      fc.integer({ min: 1, max: 3_000_000 }),
      fc.boolean(),
      async (wanted, clusterSize, bytes, isOverlay) => {
        const size = Math.ceil(bytes / 512) * 512;
        const name = String(count++);
        const path = join(dir, `${name}.qcow2`);
        const behind = Buffer.alloc(size, isOverlay ? 0xbb : 0);
        const base = join(dir, `${name}.base`);
        writeFileSync(base, behind);
        const options: NewImageOptions = {
          size: bytes,
          clusterSize,
          ...(isOverlay && { backing: { name: base, format: 'raw' } }),
        };
        const file = await openFileDevice(path, { writable: true, create: 'exclusive' });
        const disk = await fill(await NewImage.begin(file, options), wanted, behind);
        await file.close();
        const raw = join(dir, `${name}.raw`);
        writeFileSync(raw, disk);
        await run('qemu-img', 'check', '-q', path);
        await run('qemu-img', 'compare', '-q', '-f', 'qcow2', '-F', 'raw', path, raw);
      },
    );
    await fc.assert(property, { numRuns: 12 });
  }, 120_000);
});

describe('an image that is written from front to back', () => {
  it('maps a large disk with as many tables as it needs', async () => {
    const file = new MemoryDevice({ size: 0 });
    const clusterSize = 512;
    const size = 64 * 512 * 50 + 512;
    const image = await NewImage.begin(file, { size, clusterSize });
    const disk = await fill(image, [{ gap: 1, clusters: 3200, kind: 'data' }], Buffer.alloc(size));
    const opened = await openQcow2(file);
    const bytes = Buffer.alloc(size);
    await opened.read(bytes, 0);
    expect(bytes.equals(disk)).toBe(true);
    await opened.close();
  });

  it('is none before it is finished, and what fails on the way is told', async () => {
    const file = new MemoryDevice({ size: 0 });
    const image = await NewImage.begin(file, { size: 1_000_000 });
    image.room(0, 65_536).fill(1);
    await image.abandon();
    expect(await probeFormat(file)).not.toBe('qcow2');
    const other = await NewImage.begin(new MemoryDevice({ size: 0 }), { size: 1_000_000 });
    other.room(0, 65_536);
    other.waitFor(Promise.reject(new Error('a bad sector')));
    await expect(other.finish()).rejects.toThrow('a bad sector');
  });

  it('cannot be written backwards', async () => {
    const size = 2 ** 31;
    const image = await NewImage.begin(new MemoryDevice({ size: 0 }), { size });
    image.room(2 ** 30, 65_536).fill(1);
    expect(() => image.room(0, 65_536)).toThrow(RangeError);
    expect(() => image.room(size, 65_536)).toThrow(RangeError);
    await image.abandon();
  });

  it('is flushed beside more writes where that is asked for, and what fails so is told', async () => {
    const size = 8 * MiB;
    const run: Run = { gap: 0, clusters: 128, kind: 'data' };
    const flushed: number[] = [];
    for (const flushEvery of [undefined, 2 * MiB]) {
      const memory = new MemoryDevice({ size: 0 });
      let flushes = 0;
      const flush = memory.flush.bind(memory);
      memory.flush = async () => {
        flushes += 1;
        await flush();
      };
      const options = { size, ...(flushEvery !== undefined && { flushEvery }) };
      const disk = await fill(await NewImage.begin(memory, options), [run], Buffer.alloc(size));
      flushed.push(flushes);
      const opened = await openQcow2(memory);
      const bytes = Buffer.alloc(size);
      await opened.read(bytes, 0);
      expect(bytes.equals(disk)).toBe(true);
      await opened.close();
    }
    expect(flushed[0]).toBe(2);
    expect(flushed[1]).toBeGreaterThan(2);

    const broken = new MemoryDevice({ size: 0 });
    const works = broken.flush.bind(broken);
    let isFirst = true;
    broken.flush = async () => {
      if (!isFirst) return works();
      isFirst = false;
      throw new Error('a bad disk');
    };
    const image = await NewImage.begin(broken, { size, flushEvery: MiB });
    await expect(fill(image, [run], Buffer.alloc(size))).rejects.toThrow('a bad disk');
    await image.abandon();
    expect(await probeFormat(broken)).not.toBe('qcow2');
  });

  it('has its header only when all else is durable', async () => {
    const writes: string[] = [];
    const memory = new MemoryDevice({ size: 0 });
    const device: BlockDevice = new Proxy(memory, {
      get(target, name) {
        if (name === 'writeNow') return () => false;
        if (name === 'write') {
          return async (bytes: Uint8Array, at: number) => {
            writes.push(at === 0 ? 'header' : 'content');
            await target.write(bytes, at);
          };
        }
        if (name === 'flush') return async () => void writes.push('flush');
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    await fill(
      await NewImage.begin(device, { size: 3_000_000 }),
      [{ gap: 0, clusters: 40, kind: 'late' }],
      Buffer.alloc(3_000_320),
    );
    expect(writes.filter((what) => what !== 'content')).toEqual(['flush', 'header', 'flush']);
    expect(writes.indexOf('flush')).toBe(writes.lastIndexOf('content') + 1);
  });
});
