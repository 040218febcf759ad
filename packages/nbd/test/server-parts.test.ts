import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { BufferPool } from '../src/server/buffer-pool.ts';
import { Inbox } from '../src/server/inbox.ts';
import { KnownData } from '../src/server/known-data.ts';
import { Outbox } from '../src/server/transmission/outbox.ts';

describe('a buffer pool', () => {
  it('gives memory that came back again, and none that is out', () => {
    const pool = new BufferPool();
    const first = pool.take(100_000);
    const second = pool.take(100_000);
    expect(second.buffer).not.toBe(first.buffer);
    pool.release(first);
    pool.release(first);
    const third = pool.take(120_000);
    expect(third.buffer).toBe(first.buffer);
    expect(third).toHaveLength(120_000);
    expect(pool.take(100_000).buffer).not.toBe(first.buffer);
  });

  it('gives none that begins where a page does, nor has it when it comes back', () => {
    const pool = new BufferPool();
    const first = pool.take(2 ** 20);
    expect(first.byteOffset).toBe(64);
    pool.release(first);
    const again = pool.take(2 ** 20);
    expect(again.buffer).toBe(first.buffer);
    expect(again.byteOffset).toBe(64);
  });

  it('gives as many bytes as are asked for', () => {
    const pool = new BufferPool();
    const around = [8192, 16_384, 65_536, 2 ** 20, 2 ** 21, 2 ** 25].flatMap((size) => [
      size - 1,
      size,
      size + 28,
      size + 64,
      size + 65,
    ]);
    for (const length of [0, 1, ...around]) expect(pool.take(length)).toHaveLength(length);
  });

  it('takes in nothing that is not its own', () => {
    const pool = new BufferPool();
    const foreign = Buffer.alloc(65_536 + 64);
    pool.release(foreign);
    expect(pool.take(65_536).buffer).not.toBe(foreign.buffer);
  });

  it('keeps a bounded amount', () => {
    const pool = new BufferPool();
    const lent = Array.from({ length: 100 }, () => pool.take(2 ** 20));
    for (const buffer of lent) pool.release(buffer);
    const known = new Set(lent.map(({ buffer }) => buffer));
    const again = Array.from({ length: 100 }, () => pool.take(2 ** 20));
    const kept = again.filter(({ buffer }) => known.has(buffer)).length;
    expect(kept).toBeGreaterThan(16);
    expect(kept).toBeLessThan(32);
  });
});

describe('known data', () => {
  const run = fc.record({ offset: fc.nat(200), length: fc.integer({ min: 1, max: 40 }) });

  it('covers what was added to it, in any order, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(run, { maxLength: 30 }), run, (added, asked) => {
        const known = new KnownData();
        const bytes = new Set<number>();
        for (const { offset, length } of added) {
          known.add(offset, length);
          for (let i = 0; i < length; i++) bytes.add(offset + i);
        }
        const isAll = Array.from({ length: asked.length }, (_, i) => asked.offset + i).every((at) =>
          bytes.has(at),
        );
        expect(known.covers(asked.offset, asked.length)).toBe(isAll);
      }),
    );
  });

  it('forgets when told to, and rather than grow', () => {
    const known = new KnownData();
    known.add(0, 10);
    known.forget();
    expect(known.covers(0, 10)).toBe(false);
    for (let i = 0; i < 10_000; i++) known.add(i * 20, 10);
    expect(known.covers(9999 * 20, 10)).toBe(true);
    expect(known.covers(0, 10)).toBe(false);
  });
});

describe('an outbox', () => {
  const KIB = 1024;
  /** Takes all at once, or nothing. */
  const outboxFor = ({ takes }: { readonly takes: boolean }) => {
    const got: Buffer[] = [];
    const socket = new Writable({
      write(chunk: Buffer, _, callback) {
        got.push(chunk);
        if (takes) callback();
      },
    });
    const outbox = new Outbox(socket as Socket, new BufferPool(), () => {});
    return { outbox, received: () => Buffer.concat(got).length };
  };
  const reply = (outbox: Outbox, length: number) => outbox.push([outbox.take(length)], length);
  /** In two pieces. */
  const long = (outbox: Outbox) =>
    outbox.push([outbox.take(32), outbox.take(256 * KIB)], 256 * KIB);

  it('keeps small replies for the end of the turn, until they are many', () => {
    const { outbox, received } = outboxFor({ takes: true });
    for (let count = 0; count < 31; count++) reply(outbox, 4 * KIB);
    expect(received()).toBe(0);
    reply(outbox, 4 * KIB);
    expect(received()).toBe(128 * KIB);
    reply(outbox, 16);
    expect(received()).toBe(128 * KIB);
    outbox.flush();
    expect(received()).toBe(128 * KIB + 16);
  });

  it('is full where its client takes nothing', () => {
    const { outbox } = outboxFor({ takes: false });
    reply(outbox, 127 * KIB);
    expect(outbox.isFull).toBe(false);
    reply(outbox, KIB);
    outbox.flush();
    expect(outbox.isFull).toBe(true);
  });

  it('is full after a mebibyte of a turn, however quick its client is', () => {
    const { outbox } = outboxFor({ takes: true });
    for (let count = 0; count < 7; count++) reply(outbox, 128 * KIB);
    expect(outbox.isFull).toBe(false);
    reply(outbox, 128 * KIB);
    expect(outbox.isFull).toBe(true);
    outbox.flush();
    expect(outbox.isFull).toBe(false);
  });

  it.each([1, 2, 5])(
    'tells once of each reply where the client is gone while %i wait, and more is answered then',
    async (waiting) => {
      let fail: () => void = () => {};
      let isGone = false;
      const socket = new Writable({
        writev(_chunks, callback) {
          if (isGone) callback(new Error('EPIPE'));
          else fail = () => callback(new Error('EPIPE'));
        },
      });
      socket.on('error', () => {});
      const told: number[] = [];
      let more = 3;
      // As a transmission does: requests that are there already are answered once there is room.
      const outbox = new Outbox(socket as Socket, new BufferPool(), ({ replies }) => {
        told.push(replies);
        while (more > 0 && !outbox.isFull) {
          more -= 1;
          long(outbox);
        }
        outbox.flush();
      });
      for (let count = 0; count < 1 + waiting; count++) long(outbox);
      expect(told).toEqual([]);
      isGone = true;
      fail();
      for (let turn = 0; turn < 10; turn++) await setImmediate();
      expect(told).toEqual(Array.from({ length: 1 + waiting + 3 }, () => 1));
    },
  );
});

describe('an inbox', () => {
  it('hands out what came in, however it was cut', async () => {
    const path = join(tempDir(), 'socket');
    const server = createServer().listen(path);
    await once(server, 'listening');
    const accepted = Promise.withResolvers<Socket>();
    server.once('connection', accepted.resolve);
    const sender = connect(path);
    const socket = await accepted.promise;
    const inbox = new Inbox(socket, new BufferPool());
    const sent = Buffer.from(Array.from({ length: 500_000 }, (_, index) => index % 253));
    sender.end(sent);
    const taken: Buffer[] = [];
    for (const length of [0, 1, 27, 8192, 70_000, 0, 300_000, 121_779, 1]) {
      let bytes = inbox.take(length);
      while (bytes === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>();
        inbox.onChange = resolve;
        inbox.resume();
        await promise;
        bytes = inbox.take(length);
      }
      expect(bytes).toHaveLength(length);
      taken.push(Buffer.from(bytes));
    }
    expect(Buffer.compare(Buffer.concat(taken), sent)).toBe(0);
    expect(inbox.take(1)).toBeUndefined();
    socket.destroy();
    server.close();
  });
});
