import { Socket } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader } from '../src/client/byte-reader.ts';
import { expectSame, pattern } from '../../../tools/device/bytes.ts';

const MIB = 1024 * 1024;

describe('a reader of bytes', () => {
  it('gives what came, however it was cut, in pieces of any length', async () => {
    const cuts = fc.array(fc.nat(3000), { maxLength: 20 });
    const property = fc.asyncProperty(cuts, cuts, fc.boolean(), async (sent, taken, early) => {
      const bytes = pattern(Math.max(sum(sent), sum(taken)));
      const socket = new Socket();
      const reader = new ByteReader(socket);
      const send = () => {
        for (const [at, length] of placesOf([...sent, bytes.length - sum(sent)])) {
          socket.emit('data', bytes.subarray(at, at + length));
        }
      };
      if (early) send();
      const take = async () => {
        for (const [at, length] of placesOf(taken)) {
          expectSame(await reader.take(length), bytes.subarray(at, at + length));
        }
      };
      const done = take();
      if (!early) send();
      await done;
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it('passes over bytes of any number', async () => {
    const socket = new Socket();
    const reader = new ByteReader(socket);
    socket.emit('data', pattern(200_001));
    await reader.skip(200_000);
    await reader.skip(0);
    expectSame(await reader.take(1), pattern(200_001).subarray(200_000));
  });

  it('gives what came before its end, and then the first reason', async () => {
    const socket = new Socket();
    const reader = new ByteReader(socket);
    socket.emit('data', pattern(10));
    reader.end(new Error('first'));
    reader.end(new Error('second'));
    expectSame(await reader.take(9), pattern(10).subarray(0, 9));
    await expect(reader.take(2)).rejects.toThrow('first');
    await expect(reader.take(1)).rejects.toThrow('first');
  });

  it('pauses the socket when nobody takes what comes', async () => {
    const socket = new Socket();
    const reader = new ByteReader(socket);
    socket.emit('data', new Uint8Array(MIB));
    expect(socket.isPaused()).toBe(false);
    socket.emit('data', new Uint8Array(1));
    expect(socket.isPaused()).toBe(true);
    await reader.take(1);
    expect(socket.isPaused()).toBe(false);
  });
});

function sum(lengths: readonly number[]): number {
  return lengths.reduce((total, length) => total + length, 0);
}

function placesOf(lengths: readonly number[]): readonly (readonly [at: number, length: number])[] {
  return lengths.map((length, index) => [sum(lengths.slice(0, index)), length] as const);
}
