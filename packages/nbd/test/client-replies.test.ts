import { setImmediate } from 'node:timers/promises';
import { connectNbd, type ContextExtent, type NbdDevice } from '@tidemark/nbd';
import { describe, expect, it } from 'vitest';
import { ChunkType } from '../src/protocol/transmission.ts';
import {
  errorPayload,
  type Offer,
  type Peer,
  ScriptedServer,
  shakeHands,
  u32s,
  u64,
} from './support/client-scripted-server.ts';

const { NONE, OFFSET_DATA, OFFSET_HOLE, BLOCK_STATUS, ERROR, ERROR_OFFSET } = ChunkType;
const CONTEXTS = { 'base:allocation': 4, 'qemu:dirty-bitmap:b': 9 };
const LENGTH = 1000;
const OFFSET = 5000;

/** Shakes hands, and lets `answer` answer one request; what comes after it is ignored. */
function answering(
  answer: (peer: Peer, cookie: bigint) => void,
  offer: Offer = { contexts: CONTEXTS },
): Promise<ScriptedServer> {
  return ScriptedServer.start(async (peer) => {
    await shakeHands(peer, offer);
    const { cookie } = await peer.request();
    answer(peer, cookie);
    await peer.take(1_000_000);
  });
}

const data = (offset: number, length: number, byte = 1) =>
  Buffer.concat([u64(offset), new Uint8Array(length).fill(byte)]);
const hole = (offset: number, length: number) => Buffer.concat([u64(offset), u32s(length)]);

async function codeAndMessage(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'nothing failed',
    (error: { code?: string; message?: string }) => `${error.code}: ${error.message}`,
  );
}

/** Starts calls and more calls after they failed: all must fail alike, and close must not. */
async function expectLost(device: NbdDevice, first: Promise<unknown>, reason: RegExp) {
  const others = [device.flush(), device.read(new Uint8Array(9), 0), device.discard(0, 512)];
  const outcomes = await Promise.all([first, ...others].map(codeAndMessage));
  expect(outcomes[0]).toMatch(reason);
  expect(new Set(outcomes).size).toBe(1);
  const later = [device.flush(), device.read(new Uint8Array(0), 0), device.writeZeroes(0, 0)];
  expect(new Set(await Promise.all(later.map(codeAndMessage)))).toEqual(new Set(outcomes));
  await device.close();
}

type Case = readonly [what: string, why: string, (peer: Peer, cookie: bigint) => void];

describe('a server that answers a read wrongly', () => {
  it.each<Case>([
    ['a wrong magic number', 'magic', (peer) => peer.send(new Uint8Array(16))],
    ['a reply to nobody', 'request 77', (peer) => peer.chunk(77n, NONE)],
    ['a reply to a cookie of 64 bits', 'request', (peer) => peer.chunk(2n ** 64n - 1n, NONE)],
    ['a simple reply', 'without chunks', (peer, cookie) => peer.simple(cookie)],
    ['a chunk of another request', 'type 5', (peer, cookie) => peer.chunk(cookie, BLOCK_STATUS)],
    ['a chunk of unknown type', 'type 777', (peer, cookie) => peer.chunk(cookie, 777)],
    ['nothing but the end', 'before all', (peer, cookie) => peer.chunk(cookie, NONE)],
    [
      'an empty chunk that is not the last',
      'empty chunk',
      (peer, cookie) => peer.chunk(cookie, NONE, new Uint8Array(0), { done: false }),
    ],
    [
      'an empty chunk with a payload',
      'empty chunk',
      (peer, cookie) => peer.chunk(cookie, NONE, new Uint8Array(4)),
    ],
    [
      'data of no bytes',
      'of 8 bytes',
      (peer, cookie) => peer.chunk(cookie, OFFSET_DATA, u64(OFFSET)),
    ],
    [
      'data of 4 GiB',
      'outside the read',
      (peer, cookie) => peer.chunk(cookie, OFFSET_DATA, u64(OFFSET), { length: 2 ** 32 - 1 }),
    ],
    [
      'data before the read',
      'outside the read',
      (peer, cookie) => peer.chunk(cookie, OFFSET_DATA, data(OFFSET - 1, 2)),
    ],
    [
      'data beyond the read',
      'outside the read',
      (peer, cookie) => peer.chunk(cookie, OFFSET_DATA, data(OFFSET + LENGTH - 1, 2)),
    ],
    [
      'data near the end of 64 bits',
      'outside the read',
      (peer, cookie) =>
        peer.chunk(cookie, OFFSET_DATA, Buffer.concat([u32s(2 ** 32 - 1, 2 ** 32 - 1, 0)])),
    ],
    [
      'data twice',
      'there already',
      (peer, cookie) => {
        peer.chunk(cookie, OFFSET_DATA, data(OFFSET, 10), { done: false });
        peer.chunk(cookie, OFFSET_DATA, data(OFFSET + 9, LENGTH - 9));
      },
    ],
    [
      'data over a hole',
      'there already',
      (peer, cookie) => {
        peer.chunk(cookie, OFFSET_HOLE, hole(OFFSET, LENGTH), { done: false });
        peer.chunk(cookie, OFFSET_DATA, data(OFFSET + 5, 1));
      },
    ],
    [
      'all but one byte',
      'before all',
      (peer, cookie) => peer.chunk(cookie, OFFSET_DATA, data(OFFSET, LENGTH - 1)),
    ],
    [
      'all but one byte in the middle',
      'before all',
      (peer, cookie) => {
        peer.chunk(cookie, OFFSET_DATA, data(OFFSET, 500), { done: false });
        peer.chunk(cookie, OFFSET_DATA, data(OFFSET + 501, 499));
      },
    ],
    [
      'a hole cut short',
      'of 11 bytes',
      (peer, cookie) => peer.chunk(cookie, OFFSET_HOLE, new Uint8Array(11)),
    ],
    [
      'a hole of no bytes',
      'outside the read',
      (peer, cookie) => peer.chunk(cookie, OFFSET_HOLE, hole(OFFSET, 0)),
    ],
    [
      'a hole of 4 GiB',
      'outside the read',
      (peer, cookie) => peer.chunk(cookie, OFFSET_HOLE, hole(OFFSET, 2 ** 32 - 1)),
    ],
    [
      'an error cut short',
      'of 5 bytes',
      (peer, cookie) => peer.chunk(cookie, ERROR, new Uint8Array(5)),
    ],
    [
      'an error that is none',
      'error number 0',
      (peer, cookie) => peer.chunk(cookie, ERROR, errorPayload(0, 'fine')),
    ],
    [
      'an error with less text than it says',
      '5 of text',
      (peer, cookie) => peer.chunk(cookie, ERROR, errorPayload(5, 'four', 5)),
    ],
    [
      'an error with more text than it says',
      '3 of text',
      (peer, cookie) => peer.chunk(cookie, ERROR, errorPayload(5, 'four', 3)),
    ],
    [
      'an error at an offset that is missing',
      'of 10 bytes',
      (peer, cookie) => peer.chunk(cookie, ERROR_OFFSET, errorPayload(5, 'four')),
    ],
    [
      'an error text over the limit',
      'error text of 4097 bytes',
      (peer, cookie) => peer.chunk(cookie, ERROR, errorPayload(5, 'x'.repeat(4097))),
    ],
    [
      'an error of 4 GiB',
      'of 4294967295 bytes',
      (peer, cookie) => peer.chunk(cookie, ERROR, errorPayload(5, ''), { length: 2 ** 32 - 1 }),
    ],
  ])('by %s loses the connection, for all calls alike', async (_what, why, answer) => {
    await using server = await answering(answer);
    const device = await connectNbd(server.uri);
    const read = device.read(new Uint8Array(LENGTH), OFFSET);
    await expectLost(
      device,
      read,
      new RegExp(`^PROTOCOL_ERROR: nbd drive '${server.uri}': .*${why}`),
    );
  });

  it('by hanging up in the middle of data loses it too', async () => {
    await using server = await answering((peer, cookie) => {
      peer.chunk(cookie, OFFSET_DATA, data(OFFSET, 10), { length: 8 + LENGTH });
      peer.end();
    });
    const device = await connectNbd(server.uri);
    const read = device.read(new Uint8Array(LENGTH), OFFSET);
    await expectLost(device, read, /^CONNECTION_LOST: .*the server closed the connection$/);
  });

  it('by ending it twice loses it after a good read', async () => {
    await using server = await answering((peer, cookie) => {
      peer.chunk(cookie, OFFSET_DATA, data(OFFSET, LENGTH));
      peer.chunk(cookie, NONE);
    });
    const device = await connectNbd(server.uri);
    await device.read(new Uint8Array(LENGTH), OFFSET);
    await expectLost(device, device.flush(), /^PROTOCOL_ERROR: .*not waited for$/);
  });

  it('by chunks, when they were not agreed on, loses it', async () => {
    await using server = await answering((peer, cookie) => peer.chunk(cookie, NONE), {
      chunks: false,
    });
    const device = await connectNbd(server.uri);
    await expectLost(device, device.read(new Uint8Array(1), 0), /^PROTOCOL_ERROR: .*magic/);
  });

  it('by a reply to a request that was never sent loses an idle connection', async () => {
    await using server = await ScriptedServer.start(async (peer) => {
      await shakeHands(peer);
      peer.simple(1n);
      await peer.take(1);
    });
    const device = await connectNbd(server.uri);
    while ((await codeAndMessage(device.read(new Uint8Array(0), 0))) === 'nothing failed') {
      await setImmediate();
    }
    await expectLost(device, device.flush(), /^PROTOCOL_ERROR: .*not waited for/);
  });
});

describe('a server that answers a block status wrongly', () => {
  const status = (id: number, ...extents: readonly number[]) => u32s(id, ...extents);

  it.each<Case>([
    ['a simple reply', 'without extents', (peer, cookie) => peer.simple(cookie)],
    ['no extents', 'of 4 bytes', (peer, cookie) => peer.chunk(cookie, BLOCK_STATUS, status(9))],
    [
      'half an extent',
      'of 8 bytes',
      (peer, cookie) => peer.chunk(cookie, BLOCK_STATUS, status(9, 1)),
    ],
    [
      'more extents than anybody has',
      'block status chunk of 8388620 bytes',
      (peer, cookie) =>
        peer.chunk(cookie, BLOCK_STATUS, status(9), { length: 4 + 8 * (2 ** 20 + 1) }),
    ],
    [
      'a context that was not agreed on',
      'context 5',
      (peer, cookie) => peer.chunk(cookie, BLOCK_STATUS, status(5, 1000, 0)),
    ],
    [
      'one context twice',
      'two block status chunks',
      (peer, cookie) => {
        peer.chunk(cookie, BLOCK_STATUS, status(4, 1000, 0), { done: false });
        peer.chunk(cookie, BLOCK_STATUS, status(4, 1000, 0));
      },
    ],
    [
      'another context only',
      'without the context',
      (peer, cookie) => peer.chunk(cookie, BLOCK_STATUS, status(4, 1000, 0)),
    ],
    [
      'an extent of no bytes',
      'of no bytes',
      (peer, cookie) => peer.chunk(cookie, BLOCK_STATUS, status(9, 10, 0, 0, 1)),
    ],
    [
      'an extent behind the request',
      'begins where the request ended',
      (peer, cookie) => peer.chunk(cookie, BLOCK_STATUS, status(9, 1000, 0, 1, 1)),
    ],
    [
      'an extent behind the device',
      'end of the device',
      (peer, cookie) => peer.chunk(cookie, BLOCK_STATUS, status(9, 2 ** 32 - 1, 0)),
    ],
    ['data', 'type 1', (peer, cookie) => peer.chunk(cookie, OFFSET_DATA, data(OFFSET, 10))],
  ])('by %s loses the connection, for all calls alike', async (_what, why, answer) => {
    await using server = await answering(answer);
    const device = await connectNbd(server.uri);
    const extents = device.contextExtents('qemu:dirty-bitmap:b', OFFSET, LENGTH).next();
    await expectLost(device, extents, new RegExp(`^PROTOCOL_ERROR: .*${why}`));
  });
});

describe('a server that uses its freedom', () => {
  it('may send chunks of a read in any order, holes between them', async () => {
    await using server = await answering((peer, cookie) => {
      peer.chunk(cookie, OFFSET_DATA, data(OFFSET + 900, 100, 3), { done: false });
      peer.chunk(cookie, OFFSET_HOLE, hole(OFFSET + 100, 300), { done: false });
      peer.chunk(cookie, OFFSET_DATA, data(OFFSET, 100, 1), { done: false });
      peer.chunk(cookie, OFFSET_DATA, data(OFFSET + 400, 500, 2), { done: false });
      peer.chunk(cookie, NONE);
    });
    const device = await connectNbd(server.uri);
    const target = new Uint8Array(LENGTH).fill(0xee);
    await device.read(target, OFFSET);
    const expected = new Uint8Array(LENGTH).fill(1, 0, 100).fill(2, 400, 900).fill(3, 900);
    expect(target).toEqual(expected);
  });

  it('may fail a read after some of it, by its first error and words', async () => {
    await using server = await answering((peer, cookie) => {
      peer.chunk(cookie, OFFSET_DATA, data(OFFSET, 100), { done: false });
      const payload = Buffer.concat([errorPayload(5, 'bad\nsector'), u64(OFFSET + 100)]);
      peer.chunk(cookie, ERROR_OFFSET, payload, { done: false });
      peer.chunk(cookie, ERROR, errorPayload(28, 'later'), { done: false });
      peer.chunk(cookie, NONE);
    });
    const device = await connectNbd(server.uri);
    await expect(device.read(new Uint8Array(LENGTH), OFFSET)).rejects.toMatchObject({
      code: 'IO_FAILED',
      message: `${device.label}: the server could not read 1000 bytes at 5000: bad sector`,
      context: { where: device.label, offset: OFFSET },
    });
  });

  it.each([
    [1, 'DEVICE_READ_ONLY', 'operation not permitted'],
    [5, 'IO_FAILED', 'input or output failed'],
    [22, 'IO_FAILED', 'invalid request'],
    [28, 'NO_SPACE', 'no space is left'],
    [95, 'DEVICE_UNSUPPORTED', 'operation not supported'],
    [108, 'CONNECTION_LOST', 'the server is shutting down'],
    [4711, 'IO_FAILED', 'invalid request'],
  ])('may fail a write by number %i, which is %s, and go on', async (errno, code, text) => {
    await using server = await ScriptedServer.start(async (peer) => {
      await shakeHands(peer);
      for (const error of [errno, 0, 0]) {
        const { cookie, type, length } = await peer.request();
        if (type === 1) await peer.take(length);
        peer.simple(cookie, error);
      }
    });
    await using device = await connectNbd(server.uri);
    await expect(device.write(new Uint8Array(5), 3)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`could not write 5 bytes at 3: ${text}`),
    });
    await device.write(new Uint8Array(5), 3);
  });

  it('may know an error chunk that we do not, which fails the request only', async () => {
    await using server = await answering((peer, cookie) => {
      const payload = Buffer.concat([errorPayload(5, 'of the future'), new Uint8Array(3)]);
      peer.chunk(cookie, 0x8042, payload);
      peer.chunk(cookie + 1n, NONE);
    });
    const device = await connectNbd(server.uri);
    const calls = [device.read(new Uint8Array(9), 0), device.flush()].map(codeAndMessage);
    const [read, flush] = await Promise.all(calls);
    expect(read).toMatch(/^IO_FAILED: .*of the future$/);
    expect(flush).toBe('nothing failed');
  });

  it('may answer many requests in the order it likes', async () => {
    await using server = await ScriptedServer.start(async (peer) => {
      await shakeHands(peer);
      const requests = [];
      while (requests.length < 8) requests.push(await peer.request());
      for (const { cookie, offset, length } of requests.toReversed()) {
        peer.chunk(cookie, OFFSET_DATA, data(offset, length, offset));
      }
      await peer.take(1);
    });
    const device = await connectNbd(server.uri);
    const targets = Array.from({ length: 8 }, () => new Uint8Array(100));
    await Promise.all(targets.map((target, index) => device.read(target, index)));
    expect(targets.map((target) => [...new Set(target)])).toEqual(
      targets.map((_, index) => [index]),
    );
  });

  it('may tell extents beyond the request, or of a part of it, and of other contexts', async () => {
    const asked: number[][] = [];
    await using server = await ScriptedServer.start(async (peer) => {
      await shakeHands(peer, { contexts: CONTEXTS, size: 5n * 1024n ** 3n });
      const answers = [u32s(9, 10, 1, 20, 0), u32s(9, 70, 0, 500, 3), u32s(9, 2 ** 32 - 1, 3)];
      for (const extents of answers) {
        const { cookie, offset, length } = await peer.request();
        asked.push([offset, length]);
        peer.chunk(cookie, BLOCK_STATUS, u32s(4, 3, 1), { done: false });
        peer.chunk(cookie, BLOCK_STATUS, extents);
      }
      await peer.take(1);
    });
    const device = await connectNbd(server.uri);
    const found: ContextExtent[] = [];
    const extents = device.contextExtents('qemu:dirty-bitmap:b', 1000, 700);
    for await (const extent of extents) found.push(extent);
    expect(asked).toEqual([
      [1000, 700],
      [1030, 670],
      [1600, 100],
    ]);
    expect(found).toEqual([
      { offset: 1000, length: 10, flags: 1 },
      { offset: 1010, length: 90, flags: 0 },
      { offset: 1100, length: 600, flags: 3 },
    ]);
  });
});
