import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { afterEach, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { type ClientGone, type NbdServer, startNbdServer } from '../src/index.ts';
import { RawClient } from './support/raw-client.ts';

const dir = tempDir();
const path = join(dir, 'socket');
const gone: ClientGone[] = [];
const sockets: Socket[] = [];
let server: NbdServer;

async function serve(clients: number): Promise<void> {
  gone.length = 0;
  server = await startNbdServer({
    address: { type: 'unix', path },
    exports: [{ name: 'exp', device: new MemoryDevice({ size: 2 ** 20 }) }],
    limits: { clients, whenFull: 'wait' },
    onClientGone: (one) => void gone.push(one),
  });
}

/** A client that says nothing, and what has come for it. */
async function connected(): Promise<Socket> {
  const socket = connect(path);
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

it('greets a client that waits when another leaves, and tells who has left', async () => {
  await serve(1);
  const first = await RawClient.enter(path);
  const [second, third] = [await connected(), await connected()];
  const greeted = Promise.race(
    [second, third].map(async (socket) => {
      const [bytes]: Buffer[] = await once(socket, 'data');
      return { socket, bytes: bytes! };
    }),
  );
  first.close();
  const { socket, bytes } = await greeted;
  expect(socket).toBe(second);
  expect(bytes.subarray(0, 8).toString()).toBe('NBDMAGIC');
  expect(third.bytesRead).toBe(0);
  expect(gone).toEqual([{ hasEntered: true, left: 0 }]);
  const next = once(third, 'data');
  second.destroy();
  await next;
  expect(gone[1]).toEqual({ hasEntered: false, left: 0 });
});

it('hangs up on those that wait when it closes', async () => {
  await serve(1);
  await RawClient.enter(path);
  const waiting = await connected();
  waiting.resume();
  const closed = once(waiting, 'close');
  await server.close();
  await closed;
  expect(waiting.bytesRead).toBe(0);
});
