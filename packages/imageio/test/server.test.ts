import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap, TidemarkError } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { type Ticket, TicketTable } from '@tidemark/imageio';
import { serve } from './support/serve.ts';

const SIZE = 2 ** 20 + 512;

async function someDisk(): Promise<{ device: MemoryDevice; content: Buffer }> {
  const device = new MemoryDevice({ size: SIZE });
  const content = Buffer.alloc(SIZE);
  for (let at = 0; at < SIZE; at += 1) content[at] = (at * 31 + (at >> 8)) % 251;
  content.fill(0, 65_536, 524_288);
  await device.write(content.subarray(0, 65_536), 0);
  await device.write(content.subarray(524_288), 524_288);
  return { device, content };
}

function table(ticket: Ticket): TicketTable {
  const tickets = new TicketTable();
  tickets.add('t', ticket);
  return tickets;
}

describe('an image', () => {
  it('is read whole, by range, and by its head alone', async () => {
    const { device, content } = await someDisk();
    await using server = await serve({ tickets: table({ device, filename: "a 'b'.raw" }) });
    const whole = await server.ask('/images/t');
    expect(whole).toMatchObject({ status: 200, isWhole: true });
    expect(whole.body.equals(content)).toBe(true);
    expect(whole.headers).toMatchObject({
      'accept-ranges': 'bytes',
      'content-length': String(SIZE),
      'content-type': 'application/octet-stream',
      'content-disposition': "attachment; filename*=UTF-8''a%20%27b%27.raw",
    });
    const some = await server.ask('/images/t', { headers: { range: 'bytes=1000-600999' } });
    expect(some).toMatchObject({ status: 206, isWhole: true });
    expect(some.headers['content-range']).toBe(`bytes 1000-600999/${SIZE}`);
    expect(some.body.equals(content.subarray(1000, 601_000))).toBe(true);
    const head = await server.ask('/images/t', { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(head.headers['content-length']).toBe(String(SIZE));
    const beyond = await server.ask('/images/t', { headers: { range: `bytes=0-${SIZE}` } });
    expect(beyond).toMatchObject({ status: 416, headers: { 'content-range': `bytes */${SIZE}` } });
    expect(beyond.headers).not.toHaveProperty('content-disposition');
  });

  it('is told of by OPTIONS', async () => {
    const { device } = await someDisk();
    await using server = await serve({ tickets: table({ device }), unixSocket: '/run/i.sock' });
    const answered = await server.ask('/images/t', { method: 'OPTIONS' });
    expect(answered.headers['allow']).toBe('OPTIONS,GET,HEAD');
    expect(JSON.parse(answered.body.toString())).toEqual({
      unix_socket: '/run/i.sock',
      features: ['extents'],
      max_readers: 8,
      max_writers: 1,
      transfer_format: 'raw',
      virtual_size: SIZE,
    });
    const any = await server.ask('/images/*', { method: 'OPTIONS' });
    expect(JSON.parse(any.body.toString())).toEqual({
      unix_socket: '/run/i.sock',
      features: ['extents'],
    });
  });

  it('without a byte is no bytes, and no extents', async () => {
    const device = new MemoryDevice({ size: 0 });
    await using server = await serve({ tickets: table({ device }) });
    expect(await server.ask('/images/t')).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(await server.json('/images/t/extents')).toEqual([]);
  });

  it('has extents, of zeros by default', async () => {
    const { device } = await someDisk();
    const bitmap = new DirtyBitmap(SIZE, 65_536);
    bitmap.set(100_000, 1);
    bitmap.set(SIZE - 1, 1);
    await using server = await serve({ tickets: table({ device, bitmap: () => bitmap }) });
    const zeros = [
      { start: 0, length: 65_536, zero: false, hole: false },
      { start: 65_536, length: 458_752, zero: true, hole: false },
      { start: 524_288, length: SIZE - 524_288, zero: false, hole: false },
    ];
    expect(await server.json('/images/t/extents')).toEqual(zeros);
    expect(await server.json('/images/t/extents?context=zero')).toEqual(zeros);
    expect(await server.json('/images/t/extents?context=dirty')).toEqual([
      { start: 0, length: 65_536, dirty: false, zero: false },
      { start: 65_536, length: 65_536, dirty: true, zero: true },
      { start: 131_072, length: 393_216, dirty: false, zero: true },
      { start: 524_288, length: 524_288, dirty: false, zero: false },
      { start: 1_048_576, length: 512, dirty: true, zero: false },
    ]);
  });

  it('has dirty extents of one instant, however long they are read', async () => {
    const size = 2 ** 30;
    const bitmap = new DirtyBitmap(size, 65_536);
    for (let at = 0; at < size; at += 131_072) bitmap.set(at, 1);
    const device = new MemoryDevice({ size });
    const first = device.extents.bind(device);
    // What is written while the list is made, as a guest writes.
    async function* extents(offset: number, length: number) {
      for await (const extent of first(offset, length)) {
        bitmap.setAll();
        yield extent;
      }
    }
    const slow = { label: 'disk', size, read: device.read.bind(device), extents };
    await using server = await serve({ tickets: table({ device: slow, bitmap: () => bitmap }) });
    const list = await server.json('/images/t/extents?context=dirty');
    expect(list).toHaveLength(size / 65_536);
  });
});

describe('who asks for something else', () => {
  it('is refused, as imageio does', async () => {
    const { device } = await someDisk();
    const tickets = table({ device });
    tickets.add('old', { device, expires: 1 });
    tickets.add('gone', { device });
    tickets.cancel('gone');
    await using server = await serve({ tickets });
    const statusOf = async (path: string, method = 'GET', headers = {}) =>
      (await server.ask(path, { method, headers })).status;
    for (const method of ['PUT', 'PATCH', 'POST', 'DELETE']) {
      expect([method, await statusOf('/images/t', method)]).toEqual([method, 403]);
    }
    for (const id of ['none', 'old', 'gone', '*']) {
      expect([id, await statusOf(`/images/${id}`)]).toEqual([id, 403]);
      expect([id, await statusOf(`/images/${id}/extents`)]).toEqual([id, 403]);
    }
    expect(await statusOf('/images/')).toBe(400);
    expect(await statusOf('/images/%zz')).toBe(400);
    expect(await statusOf('/images/t/extents?context=all')).toBe(400);
    expect(await statusOf('/images/t/extents?context=dirty')).toBe(404);
    expect(await statusOf('/images/t/other')).toBe(404);
    expect(await statusOf('/')).toBe(404);
    expect(await statusOf('/images/t/extents', 'OPTIONS')).toBe(405);
    expect(await statusOf('/images/t', 'TRACE')).toBe(405);
  });

  it('tells an unknown ticket from one that is over by nothing', async () => {
    const { device } = await someDisk();
    const tickets = table({ device, expires: 1 });
    await using server = await serve({ tickets });
    const [over, none] = [await server.ask('/images/t'), await server.ask('/images/none')];
    expect(over.body).toEqual(none.body);
  });

  it('is refused before he has sent what he wants to write', async () => {
    const { device } = await someDisk();
    await using server = await serve({ tickets: table({ device }) });
    const headers = { expect: '100-continue', 'content-length': String(2 ** 40) };
    const { status, headers: told } = await server.ask('/images/t', { method: 'PUT', headers });
    expect(status).toBe(403);
    expect(told['connection']).toBe('close');
  });

  it('comes by a name of this machine only, where that is asked for', async () => {
    const { device } = await someDisk();
    const allowsHost = (host: string) => ['localhost:1234', '[::1]:1234'].includes(host);
    await using server = await serve({ tickets: table({ device }), allowsHost });
    const statusOf = async (host: string) =>
      (await server.ask('/images/t', { method: 'HEAD', headers: { host } })).status;
    expect(await statusOf('localhost:1234')).toBe(200);
    expect(await statusOf('[::1]:1234')).toBe(200);
    expect(await statusOf('evil.example:1234')).toBe(403);
    expect(await statusOf('localhost.evil.example')).toBe(403);
  });
});

describe('a bitmap that cannot be trusted', () => {
  it('is no list of extents', async () => {
    const { device } = await someDisk();
    const codes = ['BITMAP_INCONSISTENT', 'BITMAP_NOT_FOUND', 'BITMAP_UNSUPPORTED'] as const;
    for (const code of codes) {
      const bitmap = () => {
        throw new TidemarkError(code, `it is ${code}`);
      };
      await using server = await serve({ tickets: table({ device, bitmap }) });
      const { status, body } = await server.ask('/images/t/extents?context=dirty');
      expect([status, body.toString()]).toEqual([
        404,
        `there are no dirty extents: it is ${code}\n`,
      ]);
    }
    const other = new DirtyBitmap(SIZE - 512, 512);
    await using server = await serve({ tickets: table({ device, bitmap: () => other }) });
    expect((await server.ask('/images/t/extents?context=dirty')).status).toBe(404);
  });
});
