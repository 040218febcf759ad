import { existsSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { sh, tempDir } from '../../../tools/qemu.ts';
import { QmpClient, QmpError, QmpServer } from '../src/index.ts';
import { FakeTarget } from './fake-target.ts';

const dir = tempDir();
let sockets = 0;

async function serve(target = new FakeTarget('n0')) {
  const path = join(dir, `${++sockets}.sock`);
  const server = new QmpServer({ target, product: 'tidemark 1.2.3' });
  await server.listen(path);
  return { path, server, target };
}

describe('QmpServer', () => {
  it('serves several clients at once, each with its own negotiation', async () => {
    const { path, server } = await serve();
    const [a, b] = await Promise.all([QmpClient.connect(path), QmpClient.connect(path)]);
    await a.execute('block-dirty-bitmap-add', { node: 'n0', name: 'x' });
    await expect(b.execute('block-dirty-bitmap-add', { node: 'n0', name: 'x' })).rejects.toThrow(
      new QmpError('GenericError', 'Bitmap already exists: x'),
    );
    expect(await b.greeting()).toMatchObject({ version: { package: 'tidemark 1.2.3' } });
    await server.close();
  });

  it('says of a node why its writes wait, while they do', async () => {
    const { path, server, target } = await serve();
    const client = await QmpClient.connect(path);
    const status = async () => {
      const [node] = (await client.execute('query-named-block-nodes')) as [Record<string, unknown>];
      return node['x-tidemark-io-status'];
    };
    expect(await status()).toBeUndefined();
    target.trouble = { reason: 'no space is left', isFull: true };
    expect(await status()).toEqual({ status: 'nospace', reason: 'no space is left' });
    target.trouble = { reason: 'a bad sector', isFull: false };
    expect(await status()).toEqual({ status: 'failed', reason: 'a bad sector' });
    await server.close();
  });

  it('runs one command at a time, whoever sends it', async () => {
    const { path, server, target } = await serve();
    let running = 0;
    let most = 0;
    target.during = async () => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
    };
    const clients = await Promise.all([1, 2, 3].map(() => QmpClient.connect(path)));
    const calls = clients.flatMap((client, index) =>
      [1, 2, 3].map((n) =>
        client.execute('block-dirty-bitmap-add', { node: 'n0', name: `${index}-${n}` }),
      ),
    );
    await Promise.all(calls);
    expect(most).toBe(1);
    expect(target.bitmaps.get('n0')!.size).toBe(9);
    await server.close();
  });

  it('answers a client that has sent all it had and closed its half', async () => {
    const { path, server } = await serve();
    const socket = connect({ path, allowHalfOpen: true });
    socket.end('{"execute":"qmp_capabilities"}{"execute":"query-block","id":1}');
    const lines = (await text(socket)).trimEnd().split('\r\n');
    expect(lines.slice(1)).toEqual(['{"return": {}}', '{"return": [], "id": 1}']);
    await server.close();
  });

  it('answers quit before the program is told', async () => {
    const { path, server, target } = await serve();
    const client = await QmpClient.connect(path);
    expect(await client.execute('quit')).toEqual({});
    await expect(client.execute('query-block')).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    await server.close();
    expect(target.quits).toBe(1);
  });

  it('lets the running command finish, and its answer go out, when it closes', async () => {
    const { path, server, target } = await serve();
    const client = await QmpClient.connect(path);
    const started = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    target.during = async () => {
      started.resolve();
      await gate.promise;
    };
    const adding = client.execute('block-dirty-bitmap-add', { node: 'n0', name: 'x' });
    await started.promise;
    const closing = server.close();
    gate.resolve();
    expect(await adding).toEqual({});
    await closing;
    expect(existsSync(path)).toBe(false);
  });

  it('closes although a client does not read', async () => {
    const { path, server } = await serve();
    const socket = connect(path);
    socket.pause();
    await once(socket, 'connect');
    socket.on('error', () => {});
    socket.write('{"execute":"query-block"}'.repeat(20_000));
    await new Promise(setImmediate);
    await server.close();
    expect(existsSync(path)).toBe(false);
    socket.destroy();
  });

  it('outlives a client that goes away in the middle of a command', async () => {
    const { path, server, target } = await serve();
    const gate = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    target.during = async () => {
      started.resolve();
      await gate.promise;
    };
    const client = await QmpClient.connect(path);
    const lost = client.execute('block-dirty-bitmap-add', { node: 'n0', name: 'x' });
    await started.promise;
    await Promise.all([
      client.close(),
      expect(lost).rejects.toMatchObject({ code: 'CONNECTION_LOST' }),
    ]);
    gate.resolve();
    const next = await QmpClient.connect(path);
    expect(await next.execute('query-block')).toEqual([]);
    await server.close();
  });
});

describe('QmpClient.connect', () => {
  it('says where nobody listens', async () => {
    const path = join(dir, 'nobody.sock');
    await expect(QmpClient.connect(path)).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: `cannot connect to QMP socket '${path}'`,
      cause: expect.objectContaining({ code: 'ENOENT' }),
    });
  });
});

describe('QmpServer.listen', () => {
  it('takes the place of a socket that a crash left', async () => {
    const path = join(dir, 'stale.sock');
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await sh('sh', '-c', `'${process.execPath}' -e "$1"; true`, 'sh', script);
    expect(existsSync(path)).toBe(true);
    const server = new QmpServer({ target: new FakeTarget(), product: 'tidemark' });
    await server.listen(path);
    await (await QmpClient.connect(path)).close();
    await server.close();
  });

  it('leaves a socket alone that somebody listens on', async () => {
    const { path, server } = await serve();
    const second = new QmpServer({ target: new FakeTarget(), product: 'tidemark' });
    await expect(second.listen(path)).rejects.toMatchObject({ code: 'LOCKED' });
    await (await QmpClient.connect(path)).close();
    await second.close();
    await server.close();
  });

  it('goes on when clients hang up before they are greeted', async () => {
    const { path, server } = await serve();
    for (let i = 0; i < 20; i += 1) {
      const socket = connect(path);
      await once(socket, 'connect');
      socket.destroy();
      await once(socket, 'close');
    }
    const client = await QmpClient.connect(path);
    expect(await client.execute('query-block')).toEqual([]);
    const none = 'There is no configuration file to read again';
    await expect(client.execute('x-tidemark-reload')).rejects.toThrow(none);
    await server.close();
  });

  it('leaves a file alone that is no socket', async () => {
    const path = join(dir, 'file');
    writeFileSync(path, 'precious');
    const server = new QmpServer({ target: new FakeTarget(), product: 'tidemark' });
    await expect(server.listen(path)).rejects.toMatchObject({ code: 'FILE_EXISTS' });
    expect(existsSync(path)).toBe(true);
  });

  it('refuses a path that the kernel would cut', async () => {
    const server = new QmpServer({ target: new FakeTarget(), product: 'tidemark' });
    await expect(server.listen(`/tmp/${'x'.repeat(120)}`)).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('QmpClient', () => {
  it('gives up on a server that does not speak QMP', async () => {
    const path = join(dir, 'other.sock');
    const server = createServer((socket) => socket.end('220 mail.example.org\r\n'));
    server.listen(path);
    await once(server, 'listening');
    await expect(QmpClient.connect(path)).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' });
    server.close();
  });

  it('says that nobody listens', async () => {
    await expect(QmpClient.connect(join(dir, 'none'))).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
    });
  });
});
