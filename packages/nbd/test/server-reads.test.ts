import { setImmediate } from 'node:timers/promises';
import { type BlockExtent, MemoryDevice } from '@tidemark/block';
import { FaultDevice } from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import { ask, contentOf, expectSameBytes } from './support/ask.ts';
import { decode } from './support/decode.ts';
import { useServers } from './support/serve.ts';
import { NotingDevice } from './support/test-devices.ts';
import { COMMAND, request } from './support/wire.ts';

const MIB = 2 ** 20;
const { READ, TRIM, WRITE } = COMMAND;

const serve = useServers();

class Searched extends MemoryDevice {
  searches = 0;

  override async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    this.searches += 1;
    yield* super.extents(offset, length);
  }
}

describe('reads', () => {
  it('of a sparse area do not read it, and the holes are told', async () => {
    const device = new NotingDevice({ size: 64 * MIB });
    await device.write(Buffer.alloc(4096, 9), 20 * MIB);
    device.notes.length = 0;
    const { enter } = await serve({ device });
    const client = await enter();
    const reply = await ask(client, { type: READ, offset: 10 * MIB, length: 20 * MIB });
    expect(device.notes).toEqual([`read 4096@${20 * MIB}`]);
    expect(reply.holes).toBe(20 * MIB - 4096);
    const expected = Buffer.alloc(20 * MIB);
    expected.fill(9, 10 * MIB, 10 * MIB + 4096);
    expectSameBytes(reply.data, expected);
  });

  it('of data with small holes come in one piece', async () => {
    const device = new NotingDevice({ size: MIB });
    for (let at = 0; at < MIB; at += 8192) await device.write(Buffer.alloc(4096, 3), at);
    device.notes.length = 0;
    const { enter } = await serve({ device });
    const client = await enter();
    const reply = await ask(client, { type: READ, length: MIB });
    expect(device.notes).toEqual([`read ${MIB}@0`]);
    expectSameBytes(reply.data, await contentOf(device));
  });

  it('tell of smaller holes where the export says so', async () => {
    const device = new MemoryDevice({ size: 65_536 });
    await device.write(Buffer.alloc(4096, 3), 4096);
    const { enter } = await serve({ device, smallestHole: 4096 });
    const client = await enter();
    expect(await ask(client, { type: READ, length: 8192 })).toMatchObject({ holes: 4096 });
    expect(await ask(client, { type: READ, length: 2048 })).toMatchObject({ holes: 0 });
    const { data } = await ask(client, { type: READ, length: 65_536 });
    expectSameBytes(data, await contentOf(device));
  });

  it('far out on a large disk come with their place', async () => {
    const device = new MemoryDevice({ size: 2 ** 45 });
    const { enter } = await serve({ device });
    const client = await enter();
    for (const offset of [2 ** 31 + 5, 2 ** 32 - 100, 2 ** 32 + 2 ** 31 + 5, 2 ** 45 - 300_000]) {
      const payload = Buffer.alloc(1000, 5);
      const place = offset + 100_000;
      expect(await ask(client, { type: WRITE, offset: place, payload })).toMatchObject({
        errno: 0,
      });
      const { data, holes } = await ask(client, { type: READ, offset, length: 300_000 });
      expect(holes).toBeGreaterThan(200_000);
      const expected = Buffer.alloc(300_000).fill(5, 100_000, 101_000);
      expectSameBytes(data, expected);
    }
  });

  it('that come together look for holes once', async () => {
    const device = new Searched({ size: 4 * MIB });
    for (let part = 0; part < 16; part++) {
      await device.write(Buffer.alloc(MIB / 4, part + 1), (part * MIB) / 4);
    }
    const { enter } = await serve({ device });
    const client = await enter();
    const reads = Array.from({ length: 16 }, (_, part) =>
      request({ type: READ, offset: (part * MIB) / 4, length: MIB / 4, cookie: BigInt(part) }),
    );
    client.send(...reads);
    for (const _ of reads) {
      const answers = await client.reply();
      const [answer] = answers;
      if (answer === undefined || answer === 'end') throw new Error('the server hung up');
      const part = Number(answer.readBigUInt64BE(8));
      const { data } = decode(answers, { offset: (part * MIB) / 4, length: MIB / 4 });
      expectSameBytes(data, Buffer.alloc(MIB / 4, part + 1));
    }
    expect(device.searches).toBe(1);
  });

  it('of what a client has asked about before look for no holes', async () => {
    const device = new Searched({ size: 4 * MIB });
    await device.write(Buffer.alloc(2 * MIB, 3), MIB);
    const { enter } = await serve({ device });
    const client = await enter({ contexts: ['base:allocation'] });
    await ask(client, { type: COMMAND.BLOCK_STATUS, length: 4 * MIB });
    expect(device.searches).toBe(1);
    const { data } = await ask(client, { type: READ, offset: MIB, length: 2 * MIB });
    expectSameBytes(data, Buffer.alloc(2 * MIB, 3));
    expect(device.searches).toBe(1);
    // Of what is not data it knows nothing.
    expect(await ask(client, { type: READ, length: MIB })).toMatchObject({ holes: MIB });
    expect(device.searches).toBe(2);
  });

  it('find holes that came after data was known', async () => {
    const device = new MemoryDevice({ size: MIB });
    await device.write(Buffer.alloc(MIB, 3), 0);
    const { enter } = await serve({ device });
    const client = await enter();
    expect(await ask(client, { type: READ, length: MIB })).toMatchObject({ holes: 0 });
    expect(await ask(client, { type: TRIM, length: MIB / 2 })).toMatchObject({ errno: 0 });
    const { holes, data } = await ask(client, { type: READ, length: MIB });
    expect(holes).toBe(MIB / 2);
    expectSameBytes(data, await contentOf(device));
  });

  it('that fail in one of several pieces give the error alone', async () => {
    const inner = new MemoryDevice({ size: MIB });
    await inner.write(Buffer.alloc(1000, 1), 0);
    await inner.write(Buffer.alloc(1000, 1), 500_000);
    const device = new FaultDevice(inner, [{ kind: 'fail', on: 'read', nth: 1 }]);
    const { enter } = await serve({ device });
    const client = await enter();
    client.send(request({ type: READ, length: MIB }));
    const answers = await client.reply();
    expect(answers).toHaveLength(1);
    expect(decode(answers)).toMatchObject({ errno: 5, text: 'reading from file failed' });
  });

  it('that fail in one of several pieces keep the server open until the others are done', async () => {
    const second = Promise.withResolvers<void>();
    class Uneven extends MemoryDevice {
      override readNow(): boolean {
        return false;
      }

      override async read(target: Uint8Array, offset: number): Promise<void> {
        if (offset === 0) throw new Error('the first piece cannot be read');
        await second.promise;
        await super.read(target, offset);
      }
    }
    const device = new Uneven({ size: MIB });
    await device.write(Buffer.alloc(1000, 1), 0);
    await device.write(Buffer.alloc(1000, 1), 500_000);
    const { enter, server } = await serve({ device });
    const client = await enter();
    client.send(request({ type: READ, length: MIB }), request({ type: COMMAND.DISC }));
    let isClosed = false;
    const other = await enter();
    expect(await ask(other, { type: COMMAND.FLUSH })).toMatchObject({ errno: 0 });
    const closing = server.close().then(() => (isClosed = true));
    for (let i = 0; i < 50; i++) await setImmediate();
    expect(isClosed).toBe(false);
    second.resolve();
    await closing;
    expect(await client.rest()).not.toHaveLength(0);
  });
});
