import { connectNbd } from '@tidemark/nbd';
import { describe, it } from 'vitest';
import { ChunkType } from '../src/protocol/transmission.ts';
import { answering, type Case, data, expectLost, LENGTH, OFFSET } from './support/client-lost.ts';
import { u32s } from './support/client-scripted-server.ts';

const { OFFSET_DATA, BLOCK_STATUS } = ChunkType;

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
