import { setTimeout } from 'node:timers/promises';
import { connectNbd } from '@tidemark/nbd';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Coverage } from '../src/client/replies/coverage.ts';
import { ChunkType, Command } from '../src/protocol/transmission.ts';
import { expectSame, pattern } from '../../../tools/device/bytes.ts';
import { type Peer, ScriptedServer, shakeHands, u32s } from './support/client-scripted-server.ts';

const HAS_FLAGS = 1;
const CAN_FLUSH = 4;

/** Answers everything by success and tells what was asked, until the client takes leave. */
async function serve(peer: Peer, asked: string[], errors: number[] = []): Promise<void> {
  for (;;) {
    const { type, cookie, offset, length } = await peer.request();
    asked.push(`${type} ${offset} ${length}`);
    if (type === Command.DISC) break;
    if (type === Command.WRITE) await peer.take(length);
    peer.simple(cookie, errors.shift() ?? 0);
    if (type === Command.READ) peer.send(new Uint8Array(length));
  }
  peer.end();
}

describe('a device', () => {
  it('has at most 16 requests under way, and sends the next as one is answered', async () => {
    const seen: (readonly [taken: number, waiting: number])[] = [];
    await using server = await ScriptedServer.start(async (peer) => {
      await shakeHands(peer, { chunks: false });
      for (let batch = 0; batch < 2; batch++) {
        const cookies: bigint[] = [];
        for (let taken = 1; taken <= 40; taken++) {
          cookies.push((await peer.request()).cookie);
          if (taken < 16) continue;
          seen.push([taken, peer.waiting]);
          peer.simple(cookies.shift()!);
        }
        for (const cookie of cookies) peer.simple(cookie);
      }
      await serve(peer, []);
    });
    await using device = await connectNbd(server.uri);
    for (let batch = 0; batch < 2; batch++) {
      await Promise.all(Array.from({ length: 40 }, () => device.flush()));
    }
    const expected = Array.from({ length: 25 }, (_, index) => [16 + index, 0]);
    expect(seen).toEqual([...expected, ...expected]);
  });

  it('takes leave only when what is under way is done and flushed', async () => {
    const asked: string[] = [];
    await using server = await ScriptedServer.start(async (peer) => {
      await shakeHands(peer, { chunks: false });
      await serve(peer, asked);
    });
    const device = await connectNbd(server.uri);
    const writes = Array.from({ length: 20 }, (_, index) => device.write(pattern(3), index));
    await device.close();
    await Promise.all(writes);
    const written = Array.from({ length: 20 }, (_, index) => `1 ${index} 3`);
    expect(asked).toEqual([...written, '3 0 0', '2 0 0']);
  });

  it('gives a silent server up at its close, and says that what was written may be lost', async () => {
    const silent = Promise.withResolvers<void>();
    await using server = await ScriptedServer.start(async (peer) => {
      await shakeHands(peer, { chunks: false, flags: HAS_FLAGS | CAN_FLUSH });
      const { cookie, length } = await peer.request();
      await peer.take(length);
      peer.simple(cookie);
      // The flush of the close, which nobody answers.
      expect(await peer.request()).toMatchObject({ type: Command.FLUSH });
      silent.resolve();
    });
    const device = await connectNbd(server.uri, { closeTimeout: 20, timeout: 1000 });
    await device.write(pattern(3), 0);
    await expect(device.close()).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    await silent.promise;
  });

  it('waits at its close for a server that is slow and says something', async () => {
    await using server = await ScriptedServer.start(async (peer) => {
      await shakeHands(peer, { chunks: false });
      const { cookie } = await peer.request();
      peer.simple(cookie);
      const data = pattern(40);
      for (const byte of data) {
        peer.send(Uint8Array.of(byte));
        await setTimeout(25);
      }
      await serve(peer, []);
    });
    const device = await connectNbd(server.uri, { closeTimeout: 500, reconnect: 0 });
    const target = new Uint8Array(40);
    const read = device.read(target, 0);
    await device.close();
    await read;
    expectSame(target, pattern(40));
  });

  it('takes leave when it is closed, after a flush of what was written', async () => {
    const asked: string[] = [];
    await using server = await ScriptedServer.start(async (peer) => {
      await shakeHands(peer, { chunks: false });
      await serve(peer, asked);
    });
    const device = await connectNbd(server.uri);
    await device.write(pattern(10), 5);
    await device.close();
    expect(asked).toEqual(['1 5 10', '3 0 0', '2 0 0']);
  });

  it('finishes a block status that is under way at its close, and asks for no more', async () => {
    const asked: string[] = [];
    await using server = await ScriptedServer.start(async (peer) => {
      await shakeHands(peer, { size: 3n * 1024n ** 3n, contexts: { 'base:allocation': 1 } });
      const { cookie, length } = await peer.request();
      peer.chunk(cookie, ChunkType.BLOCK_STATUS, u32s(1, length / 2, 0, length / 2, 3));
      await serve(peer, asked);
    });
    const device = await connectNbd(server.uri);
    const extents = device.extents(0, device.size);
    const first = extents.next();
    await device.close();
    expect(await first).toMatchObject({ value: { offset: 0, length: 2 ** 29, zero: false } });
    await expect(extents.next()).rejects.toMatchObject({ code: 'DEVICE_CLOSED' });
    expect(asked).toEqual(['2 0 0']);
  });

  it('closes without a server that does not hang up', async () => {
    await using server = await ScriptedServer.start(async (peer) => {
      peer.staysOpen = true;
      await shakeHands(peer);
      await peer.take(1_000_000);
    });
    const device = await connectNbd(server.uri, { timeout: 200 });
    await device.close();
    await expect(device.flush()).rejects.toMatchObject({ code: 'DEVICE_CLOSED' });
  });

  it('asks a server for nothing that it does not offer', async () => {
    const asked: string[] = [];
    await using server = await ScriptedServer.start(async (peer) => {
      await shakeHands(peer, { chunks: false, flags: HAS_FLAGS, size: 3_000_000n });
      await serve(peer, asked);
    });
    const device = await connectNbd(server.uri);
    await device.flush();
    await device.discard(0, 1000);
    await device.writeZeroes(7, 2 ** 20 + 1);
    await device.close();
    expect(device.canDiscard).toBe(false);
    expect(asked).toEqual(['1 7 1048576', '1 1048583 1', '2 0 0']);
  });

  it('can do nothing to a server that tells no flags at all', async () => {
    const asked: string[] = [];
    await using server = await ScriptedServer.start(async (peer) => {
      await shakeHands(peer, { chunks: false, flags: 0b110_1110 });
      await serve(peer, asked);
    });
    const device = await connectNbd(server.uri);
    expect(device).toMatchObject({ canDiscard: false, writable: true });
    await device.flush();
    await device.close();
    expect(asked).toEqual(['2 0 0']);
  });

  it('fails every flush after one that failed, its close too', async () => {
    const asked: string[] = [];
    await using server = await ScriptedServer.start(async (peer) => {
      await shakeHands(peer, { chunks: false, flags: HAS_FLAGS + CAN_FLUSH });
      await serve(peer, asked, [0, 5]);
    });
    const device = await connectNbd(server.uri);
    await device.write(pattern(1), 0);
    const failed = { code: 'IO_FAILED', message: expect.stringContaining('could not flush') };
    await expect(device.flush()).rejects.toMatchObject(failed);
    await device.write(pattern(1), 0);
    await expect(device.flush()).rejects.toMatchObject(failed);
    await expect(device.close()).rejects.toMatchObject(failed);
    expect(asked).toEqual(['1 0 1', '3 0 0', '1 0 1', '2 0 0']);
  });

  it('flushes at its close what was still being written during the last flush', async () => {
    const asked: string[] = [];
    await using server = await ScriptedServer.start(async (peer) => {
      await shakeHands(peer, { chunks: false });
      const write = await peer.request();
      await peer.take(write.length);
      const flush = await peer.request();
      peer.simple(flush.cookie);
      peer.simple(write.cookie);
      await serve(peer, asked);
    });
    const device = await connectNbd(server.uri);
    await Promise.all([device.write(pattern(10), 0), device.flush()]);
    await device.close();
    expect(asked).toEqual(['3 0 0', '2 0 0']);
  });

  it('keeps a buffer that is written until all of it is sent, though the answer came', async () => {
    let sent: Uint8Array = new Uint8Array(0);
    const length = 8 * 1024 * 1024;
    await using server = await ScriptedServer.start(async (peer) => {
      await shakeHands(peer, { chunks: false, size: BigInt(length) });
      const { cookie } = await peer.request();
      peer.simple(cookie);
      sent = await peer.take(length);
      await serve(peer, []);
    });
    await using device = await connectNbd(server.uri);
    const source = pattern(length);
    await device.write(source, 0);
    source.fill(0);
    await device.flush();
    expectSame(sent, pattern(length));
  });
});

describe('the coverage of a read', () => {
  it('is complete when pieces of it have come in any order, and refuses what overlaps', () => {
    const pieces = fc
      .uniqueArray(fc.nat(200), { minLength: 1, maxLength: 30 })
      .map((cuts) => [...new Set([0, ...cuts, 201])].toSorted((a, b) => a - b))
      .map((cuts) => cuts.slice(1).map((end, index) => [cuts[index]!, end] as const))
      .chain((all) => fc.shuffledSubarray(all, { minLength: all.length }));
    const attempt = fc.tuple(fc.integer({ min: -5, max: 205 }), fc.integer({ min: -1, max: 50 }));
    fc.assert(
      fc.property(pieces, attempt, (all, [start, length]) => {
        const coverage = new Coverage(201);
        const naive = new Uint8Array(201);
        for (const [index, [from, to]] of all.entries()) {
          expect(coverage.isComplete).toBe(false);
          expect(coverage.add(from, to - from)).toBe(true);
          naive.fill(1, from, to);
          if (index !== Math.floor(all.length / 2)) continue;
          const overlap = placesOf(start, length).some((at) => naive[at] === 1);
          const isAllowed = start >= 0 && length > 0 && start + length <= 201 && !overlap;
          expect(isAllowed || !coverage.add(start, length)).toBe(true);
        }
        expect(coverage.isComplete).toBe(true);
      }),
    );
  });

  it('does not grow without end by single bytes that lie apart', () => {
    const coverage = new Coverage(2 ** 25);
    let count = 0;
    while (coverage.add(count * 2, 1)) count += 1;
    expect(count).toBe(65_536);
  });
});

function placesOf(start: number, length: number): readonly number[] {
  return Array.from({ length: Math.max(0, length) }, (_, index) => start + index);
}
