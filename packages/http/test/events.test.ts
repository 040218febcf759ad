import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Snapshot } from '@tidemark/http';
import { ApiError, TidemarkClient } from '@tidemark/http/client';
import { unixFetch } from '@tidemark/http/unix-fetch';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { startFake, TOKEN } from './support/fake-service.ts';

const dir = tempDir();
const QUICK = { every: 20, silence: 100_000, patience: 100_000 };

async function next(events: AsyncGenerator<Snapshot>): Promise<Snapshot> {
  return (await events.next()).value as Snapshot;
}

describe('events', () => {
  it('tell all at once, and again after a change', async () => {
    await using fake = await startFake({ events: QUICK });
    const events = new TidemarkClient({ url: fake.server.address, token: TOKEN }).events();
    const first = v.parse(Snapshot, await next(events));
    expect(first).toEqual({
      service: { ...fake.service.service(), writable: true },
      drives: [fake.service.drive],
      exports: fake.service.exports(),
      jobs: fake.service.jobs(),
    });
    fake.service.drive.writes.bytes = 4096;
    expect((await next(events)).drives[0]?.writes.bytes).toBe(4096);
    fake.service.drive.writes.bytes = 8192;
    expect((await next(events)).drives[0]?.writes.bytes).toBe(8192);
    await events.return(undefined);
  });

  it('say nothing but a comment while nothing changes', async () => {
    await using fake = await startFake({ events: { ...QUICK, silence: 40 } });
    const { port } = new URL(fake.server.address);
    const socket = connect(Number(port), '127.0.0.1').setEncoding('latin1');
    socket.write(
      `GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`,
    );
    let text = '';
    for await (const chunk of socket) {
      text += String(chunk);
      // A second snapshot is wrong, and ends it too: where each look brings one there is no silence.
      if (/event: snapshot.*event: snapshot/s.test(text)) break;
      if ((text.match(/\r\n:\n\n/g) ?? []).length === 3) break;
    }
    expect(text.match(/event: snapshot/g)).toHaveLength(1);
  });

  it('come over a unix socket', async () => {
    const unix = join(dir, 'a.sock');
    await using fake = await startFake({ listen: { unix, mode: 0o600 }, events: QUICK });
    expect(fake.server.address).toBe(`unix:${unix}`);
    const client = new TidemarkClient({ fetch: unixFetch(unix), token: TOKEN });
    const events = client.events();
    expect((await next(events)).drives).toHaveLength(1);
    await events.return(undefined);
    await client.removeBitmap('vm 1', 'a/b');
    expect(fake.service.calls).toEqual([['remove', 'vm 1', 'a/b']]);
  });

  it('go to so many clients and no more, and make room when one leaves', async () => {
    await using fake = await startFake({ events: { ...QUICK, clients: 2 } });
    const client = new TidemarkClient({ url: fake.server.address, token: TOKEN });
    const some = [client.events(), client.events()] as const;
    for (const each of some) await next(each);
    const refused: unknown = await next(client.events()).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApiError);
    expect(refused).toMatchObject({ status: 503, code: 'TOO_MANY_CLIENTS' });
    await some[0].return(undefined);
    await expect
      .poll(
        () =>
          next(client.events()).then(
            ({ drives }) => drives.length,
            () => 0,
          ),
        { timeout: 30_000 },
      )
      .toBe(1);
    await some[1].return(undefined);
  });

  it('end for who does not read them', async () => {
    await using fake = await startFake({ events: { ...QUICK, patience: 200 } });
    // More than sockets keep.
    fake.service.drive.warnings.push({ code: 'X', text: 'x'.repeat(8 * 1024 * 1024) });
    const { port } = new URL(fake.server.address);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(
      `GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`,
    );
    await once(socket, 'readable');
    // It has not read on: what comes now is that it was hung up on.
    const looks = setInterval(() => void (fake.service.drive.writes.bytes += 1), 10);
    await expect
      .poll(() => isGone(Number(port), socket.localPort!), { timeout: 30_000 })
      .toBe(true);
    clearInterval(looks);
    socket.destroy();
  });

  it('end when the server does', async () => {
    const fake = await startFake({ events: QUICK });
    const events = new TidemarkClient({ url: fake.server.address, token: TOKEN }).events();
    await next(events);
    const rest = events.next();
    await fake.server.close();
    await expect(rest).rejects.toThrow('terminated');
  });
});

/** Whether the server has let go of its end of a connection. */
async function isGone(server: number, client: number): Promise<boolean> {
  const { readFile } = await import('node:fs/promises');
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
  const open = (await readFile('/proc/net/tcp', 'utf8')).split('\n').filter((line) => {
    const [, local = '', remote = '', state] = line.trim().split(/\s+/);
    return (
      local.endsWith(`:${hex(server)}`) && remote.endsWith(`:${hex(client)}`) && state === '01'
    );
  });
  return open.length === 0;
}
