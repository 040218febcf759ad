import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { MemoryDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { describe, expect, it, vi } from 'vitest';
import { type ImageDevice, TicketTable } from '@tidemark/imageio';
import { serve } from './support/serve.ts';

const SIZE = 2 ** 26;

/** A disk that hears of each read before it is done. */
function watched(onRead: (offset: number) => void | Promise<void>): ImageDevice {
  const device = new MemoryDevice({ size: SIZE });
  return {
    label: 'disk',
    size: SIZE,
    extents: device.extents.bind(device),
    async read(target, offset) {
      await onRead(offset);
      await device.read(target, offset);
    },
  };
}

function table(device: ImageDevice): TicketTable {
  const tickets = new TicketTable();
  tickets.add('t', { device });
  return tickets;
}

describe('a disk that fails', () => {
  it('at once is a 500 that does not say why; the log does', async () => {
    const told: string[] = [];
    const device = watched(() => {
      throw new TidemarkError('IO_FAILED', "raw file '/secret/place' failed");
    });
    await using server = await serve({ tickets: table(device), log: (text) => told.push(text) });
    const { status, body } = await server.ask('/images/t');
    expect(status).toBe(500);
    expect(body.toString()).not.toContain('secret');
    expect(told).toEqual(["imageio: raw file '/secret/place' failed"]);
  });

  it('later is a body that is too short, and never one that looks whole', async () => {
    const told: string[] = [];
    const device = watched((offset) => {
      if (offset >= 2 ** 20) throw new TidemarkError('IO_FAILED', 'it failed');
    });
    await using server = await serve({ tickets: table(device), log: (text) => told.push(text) });
    const { status, isWhole, body } = await server.ask('/images/t');
    expect({ status, isWhole }).toEqual({ status: 200, isWhole: false });
    expect(body.length).toBeLessThanOrEqual(2 ** 20);
    expect(told).toEqual(['imageio: it failed']);
  });
});

describe('a client', () => {
  it('that reads nothing makes the disk read little, and one that leaves ends it', async () => {
    let reads = 0;
    const device = watched(() => void (reads += 1));
    await using server = await serve({ tickets: table(device) });
    const socket = connect(server.port, '127.0.0.1');
    socket.pause();
    socket.write('GET /images/t HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await vi.waitUntil(() => reads > 0);
    // Far more turns than there are pieces.
    for (let turn = 0; turn < 2000; turn += 1) await setImmediate();
    // What the kernel keeps for both ends is some megabytes.
    expect(reads * 262_144).toBeLessThan(SIZE / 2);
    const before = reads;
    socket.destroy();
    await once(socket, 'close');
    await server.ask('/images/t', { headers: { range: 'bytes=0-0' } });
    expect(reads).toBeLessThanOrEqual(before + 3);
  });

  it('is cut off when its ticket is taken back', async () => {
    const tickets = new TicketTable();
    const device = watched((offset) => {
      if (offset === 2 ** 20) tickets.cancel('t');
    });
    tickets.add('t', { device });
    const told: string[] = [];
    await using server = await serve({ tickets, log: (text) => told.push(text) });
    const { isWhole, body } = await server.ask('/images/t');
    expect(isWhole).toBe(false);
    expect(body.length).toBeLessThan(SIZE);
    expect((await server.ask('/images/t')).status).toBe(403);
    expect(told).toEqual([]);
  });
});
