import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { connectNbd, type NbdDevice } from '../src/index.ts';
import { BreakingServer, ForgetfulDevice } from './support/breaking-server.ts';
import { pattern } from './support/pattern.ts';
import { HeldDevice } from './support/test-devices.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const dir = tempDir();
let count = 0;
const freshPath = () => join(dir, `s${count++}`);

async function contentOf(device: MemoryDevice): Promise<Buffer> {
  const bytes = Buffer.alloc(device.size);
  await device.read(bytes, 0);
  return bytes;
}

it('sends again what was under way when a connection was lost, as often as one is', async () => {
  const device = new MemoryDevice({ size: 8 * MIB });
  await using server = await BreakingServer.start(freshPath(), { device });
  const notices: string[] = [];
  const onNotice = (notice: string) => void notices.push(notice);
  await using disk = await connectNbd(server.uri, { reconnect: 10_000, onNotice });
  const expected = pattern(8 * MIB, 3);
  for (let at = 0; at < 8 * MIB; at += MIB) {
    const write = disk.write(expected.subarray(at, at + MIB), at);
    const read = disk.read(Buffer.alloc(MIB), at);
    server.cut();
    await Promise.all([write, read]);
  }
  const target = Buffer.alloc(8 * MIB);
  const read = disk.read(target, 0);
  server.cut();
  await read;
  expect(Buffer.compare(target, expected)).toBe(0);
  expect(server.connections).toBeGreaterThan(8);
  expect(notices.filter((notice) => notice.endsWith('is connected again')).length).toBe(
    server.connections - 1,
  );
});

it('finds a connection that was lost while nothing was asked', async () => {
  const device = new MemoryDevice({ size: MIB });
  await using server = await BreakingServer.start(freshPath(), { device });
  await using disk = await connectNbd(server.uri, { reconnect: 10_000 });
  await disk.write(Buffer.from('before'), 0);
  server.cut();
  await disk.flush();
  const target = Buffer.alloc(6);
  await disk.read(target, 0);
  expect(target.toString()).toBe('before');
});

it('goes on with extents, by the numbers that contexts have now', async () => {
  const device = new MemoryDevice({ size: 4 * MIB });
  const [a, b] = [new DirtyBitmap(device.size, 4096), new DirtyBitmap(device.size, 4096)];
  for (let at = 0; at < device.size; at += 16 * KIB) b.set(at, 4096);
  let bitmaps = [
    { name: 'a', content: () => a },
    { name: 'b', content: () => b },
  ];
  await using server = await BreakingServer.start(freshPath(), { device, bitmaps: () => bitmaps });
  const contexts = ['qemu:dirty-bitmap:b'];
  await using disk = await connectNbd(server.uri, { reconnect: 10_000, contexts });
  bitmaps = bitmaps.toReversed();
  let dirty = 0;
  server.cut();
  for await (const { length, flags } of disk.contextExtents(contexts[0]!, 0, disk.size)) {
    dirty += flags === 1 ? length : 0;
  }
  expect(dirty).toBe(MIB);
});

// Each step: where, how much, with what, and what happens then.
const steps = fc.array(
  fc.record({
    at: fc.nat(63),
    length: fc.integer({ min: 1, max: 8 }),
    kind: fc.constantFrom('write', 'write', 'write', 'zero', 'flush'),
    next: fc.constantFrom('wait', 'wait', 'go on', 'cut', 'crash', 'crash'),
  }),
  { minLength: 1, maxLength: 40 },
);

it('calls durable what is, even if the server forgets what was not flushed', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const device = new ForgetfulDevice(72 * KIB);
      await using server = await BreakingServer.start(freshPath(), { device });
      await using disk = await connectNbd(server.uri, { reconnect: 10_000 });
      const model = Buffer.alloc(device.size);
      let pending: Promise<void>[] = [];
      const settle = async () => {
        await Promise.all(pending.splice(0));
      };
      for (const [index, { at, length, kind, next }] of list.entries()) {
        const [offset, size] = [at * KIB, length * KIB];
        // Of overlapping writes under way nobody knows which one comes last.
        await settle();
        pending = [change(disk, model, { kind, offset, size, value: index + 1 })];
        if (next === 'wait') await settle();
        if (next === 'crash') await device.crash();
        if (next === 'cut' || next === 'crash') server.cut();
      }
      await settle();
      await disk.flush();
      expect(Buffer.compare(await contentOf(device.stable), model)).toBe(0);
      expect(Buffer.compare(await contentOf(device), model)).toBe(0);
    }),
    { numRuns: 60 },
  );
});

interface Change {
  readonly kind: string;
  readonly offset: number;
  readonly size: number;
  readonly value: number;
}

function change(disk: NbdDevice, model: Buffer, { kind, offset, size, value }: Change) {
  if (kind === 'flush') return disk.flush();
  model.fill(kind === 'zero' ? 0 : value, offset, offset + size);
  if (kind === 'zero') return disk.writeZeroes(offset, size);
  // The buffer is used for something else as soon as the write is done.
  const bytes = Buffer.alloc(size, value);
  return disk.write(bytes, offset).finally(() => bytes.fill(0xee));
}

it('does not keep more than 16 MiB of writes, but has them made durable', async () => {
  const device = new ForgetfulDevice(4 * MIB);
  await using server = await BreakingServer.start(freshPath(), { device });
  await using disk = await connectNbd(server.uri, { reconnect: 10_000 });
  const bytes = pattern(4 * MIB, 9);
  for (let i = 0; i < 4; i++) await disk.write(bytes, 0);
  expect(Buffer.compare(await contentOf(device.stable), bytes)).toBe(0);
});

it('gives up after a while, and says why', async () => {
  const device = new MemoryDevice({ size: MIB });
  await using server = await BreakingServer.start(freshPath(), { device });
  const disk = await connectNbd(server.uri, { reconnect: 400 });
  server.isGone = true;
  server.cut();
  await expect(disk.read(Buffer.alloc(1), 0)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  expect(server.connections).toBeGreaterThan(2);
  await expect(disk.write(Buffer.alloc(1), 0)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  await disk.close();
});

it('does not wait for a server that is gone when it is closed', async () => {
  const device = new MemoryDevice({ size: MIB });
  await using server = await BreakingServer.start(freshPath(), { device });
  const disk = await connectNbd(server.uri, { reconnect: 2 ** 30 });
  await disk.write(Buffer.from('a'), 0);
  server.isGone = true;
  server.cut();
  await expect(disk.close()).rejects.toMatchObject({ code: 'CONNECTION_LOST' });

  server.isGone = false;
  const other = await connectNbd(server.uri, { reconnect: 2 ** 30 });
  server.isGone = true;
  server.cut();
  const read = other.read(Buffer.alloc(1), 0);
  const [outcome] = await Promise.allSettled([read, other.close()]);
  expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CONNECTION_LOST' } });
});

it('is closed well where the server is there again', async () => {
  const device = new ForgetfulDevice(MIB);
  await using server = await BreakingServer.start(freshPath(), { device });
  const disk = await connectNbd(server.uri, { reconnect: 10_000 });
  await disk.write(Buffer.from('kept'), 0);
  await device.crash();
  server.cut();
  await disk.close();
  expect((await contentOf(device.stable)).subarray(0, 4).toString()).toBe('kept');
});

it.each([
  ['of another size', async (device: MemoryDevice) => device.resize(2 * MIB), 'has 2097152 bytes'],
])('does not go on with a disk %s', async (_, alter, why) => {
  const device = new MemoryDevice({ size: MIB });
  await using server = await BreakingServer.start(freshPath(), { device });
  const disk = await connectNbd(server.uri, { reconnect: 10_000 });
  await alter(device);
  server.cut();
  await expect(disk.read(Buffer.alloc(1), 0)).rejects.toMatchObject({
    code: 'DEVICE_UNSUPPORTED',
    message: expect.stringContaining(why),
  });
  await disk.close();
});

it('is given up at once where its server does not answer', async () => {
  const device = new HeldDevice({ size: MIB });
  await using server = await BreakingServer.start(freshPath(), { device });
  const disk = await connectNbd(server.uri, { reconnect: 10_000 });
  const write = disk.write(Buffer.alloc(512), 0);
  await device.begun(1);
  const closing = disk.close();
  disk.destroy();
  const outcomes = await Promise.allSettled([write, closing]);
  expect(outcomes[0]).toMatchObject({ status: 'rejected', reason: { code: 'CONNECTION_LOST' } });
  expect(server.connections).toBe(1);
  device.letGo();
});

it('stays lost where it is not asked to connect again', async () => {
  const device = new MemoryDevice({ size: MIB });
  await using server = await BreakingServer.start(freshPath(), { device });
  const disk = await connectNbd(server.uri);
  server.cut();
  await expect(disk.read(Buffer.alloc(1), 0)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  expect(server.connections).toBe(1);
  await disk.close();
});
