import { connectNbd, type ContextExtent } from '@tidemark/nbd';
import { describe, expect, it } from 'vitest';
import { ChunkType } from '../src/protocol/transmission.ts';
import {
  answering,
  codeAndMessage,
  CONTEXTS,
  data,
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
