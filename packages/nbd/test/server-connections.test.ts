import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { MemoryDevice } from '@tidemark/block';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ask, contentOf, expectSameBytes } from './support/ask.ts';
import { cookieOf, decode } from './support/decode.ts';
import { RawClient } from './support/raw-client.ts';
import { useServers } from './support/serve.ts';
import { HeldDevice, NotingDevice } from './support/test-devices.ts';
import { COMMAND, OPTION, option, request, u32 } from './support/wire.ts';

const MIB = 2 ** 20;
const { READ, WRITE, FLUSH } = COMMAND;

const serve = useServers();

afterEach(() => {
  vi.useRealTimers();
});

/** Turns of the server, in which it would go on if it could. */
async function letItWork(other: RawClient): Promise<void> {
  for (let i = 0; i < 50; i++)
    expect(await ask(other, { type: FLUSH })).toMatchObject({ errno: 0 });
}

describe('a client', () => {
  it('that said goodbye just before the server closes is gone when it hangs up', async () => {
    const { server, enter } = await serve({ device: new MemoryDevice({ size: MIB }) });
    const client = await enter();
    // The time that it would be given comes to no end.
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    client.socket.allowHalfOpen = true;
    client.send(request({ type: COMMAND.DISC }));
    await once(client.socket, 'end');
    const closed = server.close();
    client.socket.end();
    await expect(closed).resolves.toBeUndefined();
  });

  it('has 64 requests worked on at a time, and the others afterwards', async () => {
    const device = new HeldDevice({ size: MIB });
    const { enter } = await serve({ device });
    const client = await enter();
    const cookies = Array.from({ length: 100 }, (_, index) => index);
    client.send(
      ...cookies.map((cookie) => request({ type: WRITE, cookie, payload: Buffer.alloc(512, 1) })),
    );
    await device.begun(64);
    await letItWork(await enter());
    expect(device.writes).toBe(64);
    device.letGo();
    const answered = new Set<number>();
    for (const _ of cookies) answered.add(cookieOf(await client.message()));
    expect(answered).toEqual(new Set(cookies));
  });

  it('that writes faster than the device has to wait', async () => {
    const device = new HeldDevice({ size: 8 * MIB });
    const { enter } = await serve({ device });
    const client = await enter();
    const payload = Buffer.alloc(4 * MIB, 1);
    for (let cookie = 0; cookie < 20; cookie++) {
      client.socket.write(request({ type: WRITE, cookie, payload }));
    }
    await device.begun(4);
    await letItWork(await enter());
    expect(device.writes).toBe(4);
    expect(client.socket.writableLength).toBeGreaterThan(10 * payload.length);
    device.letGo();
    for (let i = 0; i < 20; i++) expect(decode(await client.reply())).toMatchObject({ errno: 0 });
  });

  it('that does not read its replies makes the server read no more of the device', async () => {
    const device = new NotingDevice({ size: MIB });
    await device.write(Buffer.alloc(MIB, 7), 0);
    device.notes.length = 0;
    const { enter } = await serve({ device });
    const client = await enter();
    client.socket.pause();
    const count = 80;
    for (let cookie = 0; cookie < count; cookie++) {
      client.send(request({ type: READ, cookie, length: MIB }));
    }
    await letItWork(await enter());
    const reads = device.notes.filter((note) => note.startsWith('read')).length;
    expect(reads).toBeGreaterThan(0);
    expect(reads).toBeLessThan(40);
    client.socket.resume();
    const cookies = new Set<number>();
    for (let i = 0; i < count; i++) {
      const answers = await client.reply();
      cookies.add(cookieOf(answers[0]!));
      expectSameBytes(decode(answers, { offset: 0, length: MIB }).data, Buffer.alloc(MIB, 7));
    }
    expect(cookies.size).toBe(count);
  });

  it('that vanishes with requests under way leaves the server at work', async () => {
    const device = new HeldDevice({ size: MIB });
    const { enter, server } = await serve({ device });
    const client = await enter();
    client.send(request({ type: WRITE, payload: Buffer.alloc(512, 1) }));
    await device.begun(1);
    client.close();
    const other = await enter();
    expect(await ask(other, { type: READ, length: 4 })).toMatchObject({ errno: 0 });
    // The device is not free before it is done with what the client has left behind.
    let isClosed = false;
    const closing = server.close().then(() => (isClosed = true));
    for (let i = 0; i < 50; i++) await setImmediate();
    expect(isClosed).toBe(false);
    device.letGo();
    await closing;
    expect((await contentOf(device)).subarray(0, 512)).toEqual(Buffer.alloc(512, 1));
  });

  it('that takes too long to shake hands is hung up on', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { connect: enterDoor, enter } = await serve({ device: new MemoryDevice({ size: MIB }) });
    const slow = await enterDoor();
    slow.send(u32(3), option(OPTION.GO, Buffer.alloc(3), 100));
    const quick = await enter();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await slow.rest()).toHaveLength(0);
    expect(await ask(quick, { type: FLUSH })).toMatchObject({ errno: 0 });
  });

  it('too many is turned away, and the others stay', async () => {
    const { path, enter, log } = await serve({ device: new MemoryDevice({ size: MIB }) });
    const first = await enter();
    for (let i = 1; i < 128; i++) await enter();
    await expect(RawClient.connect(path)).rejects.toThrow('hung up');
    expect(log).toEqual(['a client is turned away: there are 128 already']);
    expect(await ask(first, { type: FLUSH })).toMatchObject({ errno: 0 });
  });

  it('makes the server set nothing aside for what it only announces', async () => {
    const { connect: enterDoor, enter } = await serve({ device: new MemoryDevice({ size: MIB }) });
    const other = await enter();
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 50; i++) {
      (await enter()).send(request({ type: WRITE, length: 2 ** 25 }));
      (await enterDoor()).send(u32(3), option(OPTION.GO, Buffer.alloc(0), 2 ** 20));
    }
    await letItWork(other);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 25);
  });
});

describe('the end of a server', () => {
  it('waits for requests under way and their answers, and takes no others', async () => {
    const device = new HeldDevice({ size: MIB });
    const { path, enter, server } = await serve({ device });
    const client = await enter();
    const idle = await enter();
    client.send(request({ type: WRITE, cookie: 1, payload: Buffer.alloc(512, 1) }));
    await device.begun(1);
    const closing = server.close();
    client.send(request({ type: WRITE, cookie: 2, payload: Buffer.alloc(512, 2) }));
    expect(await idle.rest()).toHaveLength(0);
    device.letGo();
    expect(await client.rest()).toEqual(Buffer.from('67446698000000000000000000000001', 'hex'));
    await closing;
    expect(device.writes).toBe(1);
    expect(existsSync(path)).toBe(false);
    const late = connect(path);
    await expect(once(late, 'connect')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('waits for a slow device as long as it takes', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const device = new HeldDevice({ size: MIB });
    const { enter, server } = await serve({ device });
    const client = await enter();
    client.send(request({ type: WRITE, cookie: 1, payload: Buffer.alloc(512, 1) }));
    await device.begun(1);
    const closing = server.close();
    for (let i = 0; i < 50; i++) await setImmediate();
    await vi.advanceTimersByTimeAsync(60_000);
    device.letGo();
    expect(await client.rest()).toEqual(Buffer.from('67446698000000000000000000000001', 'hex'));
    await closing;
  });

  it('comes once, however often it is asked for', async () => {
    const { server, enter } = await serve({ device: new MemoryDevice({ size: MIB }) });
    const client = await enter();
    await Promise.all([server.close(), server.close()]);
    await server[Symbol.asyncDispose]();
    expect(await client.rest()).toHaveLength(0);
  });

  it('does not wait for a client that never takes its replies', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const device = new NotingDevice({ size: 8 * MIB });
    await device.write(Buffer.alloc(8 * MIB, 7), 0);
    const { enter, server } = await serve({ device });
    const client = await enter();
    client.socket.pause();
    client.send(request({ type: READ, length: 8 * MIB }));
    await letItWork(await enter());
    const closing = server.close();
    while (vi.getTimerCount() === 0) await setImmediate();
    await vi.advanceTimersByTimeAsync(2000);
    await closing;
    expect(client.socket.bytesRead).toBeLessThan(8 * MIB);
  });

  it('interrupts those that shake hands', async () => {
    const { connect: enterDoor, server } = await serve({ device: new MemoryDevice({ size: MIB }) });
    const client = await enterDoor();
    client.send(u32(3));
    await server.close();
    expect(await client.rest()).toHaveLength(0);
  });
});
