import { MemoryDevice } from '@tidemark/block';
import { FaultDevice } from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import { ask, contentOf } from './support/ask.ts';
import { cookieOf } from './support/decode.ts';
import { useServers } from './support/serve.ts';
import { HeldDevice, NotingDevice } from './support/test-devices.ts';
import { COMMAND, FLAG, request, type RequestFields } from './support/wire.ts';

const MIB = 2 ** 20;
const { READ, WRITE, DISC, FLUSH, TRIM, CACHE, WRITE_ZEROES } = COMMAND;

const serve = useServers();

describe('requests', () => {
  it('read back what was written, on any bytes', async () => {
    const device = new MemoryDevice({ size: 300_001 });
    const { enter } = await serve({ device });
    for (const isStructured of [true, false]) {
      const client = await enter({ isStructured });
      const payload = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));
      expect(await ask(client, { type: WRITE, offset: 100_001, payload })).toMatchObject({
        errno: 0,
      });
      const read = { type: READ, offset: 100_000, length: 200_001 };
      const { data } = await ask(client, read);
      expect(Buffer.from(data)).toEqual(Buffer.concat([Buffer.alloc(1), payload]));
      await device.writeZeroes(0, device.size);
    }
  });

  it('that change something flush before the answer when FUA is set, and only then', async () => {
    const device = new NotingDevice({ size: MIB });
    const { enter } = await serve({ device });
    const client = await enter();
    const payload = Buffer.alloc(512, 1);
    const asked: [RequestFields, string[]][] = [
      [{ type: WRITE, payload }, ['write 512@0', 'written']],
      [{ type: WRITE, payload, flags: FLAG.FUA }, ['write 512@0', 'written', 'flush']],
      [{ type: TRIM, length: 4096, flags: FLAG.FUA }, ['discard 4096@0', 'discarded', 'flush']],
      [{ type: WRITE_ZEROES, length: 512 }, ['zeroes 512@0 unmapped', 'zeroed']],
      [
        { type: WRITE_ZEROES, length: 512, flags: FLAG.NO_HOLE | FLAG.FUA },
        ['zeroes 512@0 kept', 'zeroed', 'flush'],
      ],
      [{ type: READ, length: 8, flags: FLAG.FUA }, ['flush', 'read 8@0']],
      [{ type: FLUSH }, ['flush']],
      [{ type: CACHE, length: 4096 }, ['read 4096@0']],
      [{ type: WRITE, payload: Buffer.alloc(0) }, []],
    ];
    for (const [fields, notes] of asked) {
      device.notes.length = 0;
      expect(await ask(client, fields)).toMatchObject({ errno: 0 });
      expect(device.notes).toEqual(notes);
    }
  });

  it('take the longest trim and zeroes that the protocol has', async () => {
    const device = new NotingDevice({ size: 2 ** 33 });
    const { enter } = await serve({ device });
    const client = await enter();
    const length = 2 ** 32 - 1;
    expect(await ask(client, { type: TRIM, offset: 2 ** 32, length })).toMatchObject({ errno: 0 });
    expect(await ask(client, { type: WRITE_ZEROES, offset: 1, length })).toMatchObject({
      errno: 0,
    });
    expect(device.notes).toContain(`discard ${length}@${2 ** 32}`);
    expect(device.notes).toContain(`zeroes ${length}@1 unmapped`);
  });

  it('change nothing on an export that is read-only', async () => {
    const device = new NotingDevice({ size: MIB });
    const { enter } = await serve({ device, readOnly: true });
    const client = await enter();
    for (const type of [WRITE, TRIM, WRITE_ZEROES]) {
      const payload = type === WRITE ? Buffer.alloc(512, 1) : Buffer.alloc(0);
      const refused = { errno: 22, text: 'Export is read-only' };
      expect(await ask(client, { type, length: 512, payload })).toMatchObject(refused);
    }
    expect(await ask(client, { type: FLUSH })).toMatchObject({ errno: 0 });
    expect(device.notes).toEqual(['flush']);
  });

  it.for([
    ['IO_FAILED', 5],
    ['NO_SPACE', 28],
    ['DEVICE_READ_ONLY', 1],
    ['DEVICE_UNSUPPORTED', 95],
    ['DEVICE_CLOSED', 108],
    ['STORE_FAILED', 5],
  ] as const)(
    'that fail with %s get error %i, and the log has the reason',
    async ([code, errno]) => {
      const faults = (['read', 'write', 'writeZeroes', 'discard', 'flush'] as const).map((on) => ({
        kind: 'fail' as const,
        on,
        code,
      }));
      const device = new FaultDevice(new MemoryDevice({ size: MIB }), faults);
      const { enter, log } = await serve({ device });
      const client = await enter();
      const texts: string[] = [];
      for (const type of [READ, WRITE, WRITE_ZEROES, TRIM, FLUSH]) {
        const reply = await ask(client, {
          type,
          length: 4,
          payload: Buffer.alloc(type === WRITE ? 4 : 0),
        });
        expect(reply.errno).toBe(errno);
        texts.push(reply.text);
      }
      expect(texts).toEqual([
        'reading from file failed',
        'writing to file failed',
        'writing to file failed',
        'discard failed',
        'flush failed',
      ]);
      expect(log).toHaveLength(5);
      expect(log[0]).toMatch(/^export 'exp': /u);
      // Once each: the connection goes on.
      expect(await ask(client, { type: READ, length: 4 })).toMatchObject({ errno: 0 });
    },
  );

  it('answer in simple replies with a number alone', async () => {
    const device = new FaultDevice(new MemoryDevice({ size: MIB }), [
      { kind: 'fail', on: 'read', code: 'NO_SPACE' },
    ]);
    const { enter } = await serve({ device });
    const client = await enter({ isStructured: false });
    client.send(request({ type: READ, length: 100, cookie: 7 }));
    expect(await client.take(16)).toEqual(Buffer.from('674466980000001c0000000000000007', 'hex'));
  });

  it('are worked on together and answered as they are done', async () => {
    const device = new HeldDevice({ size: MIB });
    const { enter } = await serve({ device });
    const client = await enter();
    client.send(
      request({ type: WRITE, cookie: 1, payload: Buffer.alloc(512, 1) }),
      request({ type: READ, cookie: 2, length: 8, offset: 4096 }),
    );
    expect(cookieOf(await client.message())).toBe(2);
    device.letGo();
    expect(cookieOf(await client.message())).toBe(1);
  });

  it('in any number of pieces are the same requests', async () => {
    const device = new MemoryDevice({ size: MIB });
    const { enter } = await serve({ device });
    const client = await enter();
    const payload = Buffer.from('in pieces');
    const bytes = Buffer.concat([
      request({ type: WRITE, offset: 10, payload, cookie: 1 }),
      request({ type: FLUSH, cookie: 2 }),
      request({ type: WRITE, offset: 30, payload, cookie: 3 }),
    ]);
    client.socket.setNoDelay(true);
    for (const byte of bytes) {
      await new Promise<void>((resolve) => {
        client.socket.write(Uint8Array.of(byte), () => resolve());
      });
    }
    const cookies = [await client.message(), await client.message(), await client.message()];
    expect(new Set(cookies.map(cookieOf))).toEqual(new Set([1, 2, 3]));
    const content = (await contentOf(device)).subarray(0, 39);
    expect(content.toString('latin1')).toBe(
      `${'\0'.repeat(10)}in pieces${'\0'.repeat(11)}in pieces`,
    );
  });

  it('that are cut off in the middle of their data change nothing', async () => {
    const device = new NotingDevice({ size: MIB });
    const { server, enter } = await serve({ device });
    const client = await enter();
    const whole = request({ type: WRITE, payload: Buffer.alloc(200_000, 1) });
    client.socket.end(whole.subarray(0, -1));
    expect(await client.rest()).toHaveLength(0);
    await server.close();
    expect(device.notes).toEqual([]);
  });

  it('before a goodbye are answered, those behind it are not begun', async () => {
    const device = new NotingDevice({ size: MIB });
    const { enter } = await serve({ device });
    const client = await enter();
    client.send(
      request({ type: WRITE, cookie: 1, payload: Buffer.alloc(8, 1) }),
      request({ type: DISC, cookie: 2 }),
      request({ type: WRITE, cookie: 3, payload: Buffer.alloc(9, 1) }),
    );
    expect(await client.rest()).toEqual(Buffer.from('67446698000000000000000000000001', 'hex'));
    expect(device.notes).toEqual(['write 8@0', 'written']);
  });
});
