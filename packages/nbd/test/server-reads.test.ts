import { MemoryDevice } from '@tidemark/block';
import { FaultDevice } from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import { ask, contentOf, expectSameBytes } from './support/ask.ts';
import { decode } from './support/decode.ts';
import { useServers } from './support/serve.ts';
import { NotingDevice } from './support/test-devices.ts';
import { COMMAND, request } from './support/wire.ts';

const MIB = 2 ** 20;
const { READ, TRIM } = COMMAND;

const serve = useServers();

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
});
