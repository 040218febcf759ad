import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { listenOnPort } from '../src/index.ts';

it('tells the port that the system chose, and whose name is in messages when it is taken', async () => {
  const server = createServer((socket) => socket.end('hello'));
  const port = await listenOnPort(server, { host: '127.0.0.1', port: 0 });
  const client = connect(port, '127.0.0.1');
  expect(String((await once(client, 'data'))[0])).toBe('hello');
  const second = listenOnPort(createServer(), { host: '127.0.0.1', port, label: 'localhost' });
  await expect(second).rejects.toMatchObject({
    code: 'LOCKED',
    message: `cannot listen on 'localhost:${port}'`,
  });
  server.close();
});
