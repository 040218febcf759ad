import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { MemoryDevice } from '@tidemark/block';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BufferPool } from '../src/server/buffer-pool.ts';
import { Inbox } from '../src/server/inbox.ts';
import { ask, contentOf, expectSameBytes } from './support/ask.ts';
import { decode } from './support/decode.ts';
import { pattern } from './support/pattern.ts';
import { useServers } from './support/serve.ts';
import { HeldDevice } from './support/test-devices.ts';
import { COMMAND, request } from './support/wire.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const { READ, WRITE } = COMMAND;

const serve = useServers();

/** Of what its client has sent, hands out what is asked for, in the ticks in which it comes. */
function takeAll(lengths: readonly number[], receives: readonly number[]): Buffer {
  const pool = new BufferPool();
  const socket = new Duplex({ read() {} }) as unknown as Socket;
  const inbox = new Inbox(socket, pool);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const sent = pattern(total, 1);
  const taken: Uint8Array[] = [];
  inbox.onChange = () => {
    while (taken.length < lengths.length) {
      const bytes = inbox.take(lengths[taken.length]!);
      if (bytes === undefined) return;
      taken.push(inbox.kept(bytes));
    }
  };
  inbox.resume();
  for (let done = 0, turn = 0; done < total; turn++) {
    const to = inbox.target ?? pool.arrivalsRoom;
    const count = Math.min(to.length, receives[turn % receives.length]!, total - done);
    to.set(sent.subarray(done, done + count));
    expect(inbox.received(to, count)).toBe(true);
    done += count;
    // As when others receive there next.
    pool.arrivals.fill(0xee);
  }
  return Buffer.concat(taken);
}

describe('memory that all clients receive into', () => {
  it('keeps what they sent apart, however it comes', () => {
    const size = fc.oneof(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 16_000, max: 17_000 }),
      fc.integer({ min: 1, max: 400 * KIB }),
    );
    const some = fc.array(size, { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(some, some, (lengths, receives) => {
        const total = lengths.reduce((sum, length) => sum + length, 0);
        const atOnce = receives.map((count) => Math.max(count, Math.ceil(total / 200)));
        expectSameBytes(takeAll(lengths, atOnce), pattern(total, 1));
      }),
      { numRuns: 200 },
    );
  });

  it('is not what a write that waits is made from', async () => {
    const device = new HeldDevice({ size: MIB });
    const { enter } = await serve({ device });
    const clients = [await enter(), await enter()];
    const content = pattern(32 * 4 * KIB, 2);
    for (let index = 0; index < 32; index++) {
      const offset = index * 4 * KIB;
      const payload = content.subarray(offset, offset + 4 * KIB);
      clients[index % 2]!.send(request({ type: WRITE, cookie: index, offset, payload }));
      await device.begun(index + 1);
    }
    device.letGo();
    for (let index = 0; index < 32; index++) {
      expect(decode(await clients[index % 2]!.reply())).toMatchObject({ errno: 0 });
    }
    expectSameBytes((await contentOf(device)).subarray(0, content.length), content);
  });
});

/** Reads take until it is told, writes are made at once. */
class HeldReads extends MemoryDevice {
  readonly held = Promise.withResolvers<void>();

  override readNow(): boolean {
    return false;
  }

  override async read(target: Uint8Array, offset: number): Promise<void> {
    await this.held.promise;
    await super.read(target, offset);
  }
}

describe('room for what a client sends', () => {
  const inboxOf = () => {
    const pool = new BufferPool();
    return new Inbox(new Duplex({ read() {} }) as unknown as Socket, pool);
  };
  /** All of something long comes, and is taken. */
  const receiveWhole = (inbox: Inbox, length: number) => {
    let bytes = inbox.take(length);
    while (bytes === undefined) {
      const { target } = inbox;
      inbox.received(target!, target!.length);
      bytes = inbox.take(length);
    }
    expect(bytes).toHaveLength(length);
  };

  it('is little at first, and all of it for one that has sent as much before', () => {
    const inbox = inboxOf();
    expect(inbox.take(MIB)).toBeUndefined();
    expect(inbox.target).toHaveLength(128 * KIB);
    receiveWhole(inbox, MIB);
    expect(inbox.take(MIB)).toBeUndefined();
    expect(inbox.target).toHaveLength(MIB);
    receiveWhole(inbox, MIB);
    expect(inbox.take(MIB + 1)).toBeUndefined();
    expect(inbox.target).toHaveLength(128 * KIB);
  });

  it('is not set aside beyond reason, whatever the client has sent before', () => {
    const inbox = inboxOf();
    receiveWhole(inbox, 32 * MIB);
    expect(inbox.take(32 * MIB)).toBeUndefined();
    expect(inbox.target).toHaveLength(128 * KIB);
  });
});

describe('a write whose data come in parts', () => {
  it('is gone on with when its client takes replies again', async () => {
    const device = new HeldReads({ size: 8 * MIB });
    const { enter } = await serve({ device });
    const client = await enter({ isStructured: false });
    const other = await enter();
    client.socket.pause();
    client.send(request({ type: READ, cookie: 1, length: 4 * MIB }));
    const payload = pattern(300 * KIB, 3);
    const write = request({ type: WRITE, cookie: 2, offset: 4 * MIB, payload });
    client.send(write.subarray(0, 200 * KIB));
    await ask(other, { type: WRITE, payload: Buffer.alloc(512) });
    // Nobody takes the reply: there is no room for another one when all of the write is there.
    device.held.resolve();
    for (let i = 0; i < 50; i++) await ask(other, { type: WRITE, payload: Buffer.alloc(512) });
    client.send(write.subarray(200 * KIB));
    for (let i = 0; i < 50; i++) await ask(other, { type: WRITE, payload: Buffer.alloc(512) });
    client.socket.resume();
    await client.take(16 + 4 * MIB);
    expect(decode(await client.reply())).toMatchObject({ errno: 0 });
    // And with the next one.
    client.send(request({ type: WRITE, cookie: 3, payload: Buffer.alloc(512) }));
    expect(await client.message()).toBeInstanceOf(Buffer);
    expectSameBytes((await contentOf(device)).subarray(4 * MIB, 4 * MIB + 300 * KIB), payload);
  });
});
