import { setImmediate } from 'node:timers/promises';
import { connectNbd } from '@tidemark/nbd';
import { describe, it } from 'vitest';
import { ChunkType } from '../src/protocol/transmission.ts';
import {
  answering,
  type Case,
  codeAndMessage,
  data,
  expectLost,
  hole,
  LENGTH,
  OFFSET,
} from './support/client-lost.ts';
import {
  errorPayload,
  ScriptedServer,
  shakeHands,
  u32s,
  u64,
} from './support/client-scripted-server.ts';

const { NONE, OFFSET_DATA, OFFSET_HOLE, BLOCK_STATUS, ERROR, ERROR_OFFSET } = ChunkType;

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
