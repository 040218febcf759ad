import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryDevice } from '@tidemark/block';
import { afterEach, describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { connectNbd, type NbdServer, type NbdServerOptions, startNbdServer } from '../src/index.ts';
import { makeSharedKeys } from './support/certificates.ts';
import { type Answer, RawClient } from './support/raw-client.ts';
import { HeldDevice } from './support/test-devices.ts';
import { COMMAND, infoPayload, OPTION, option, request, u32 } from './support/wire.ts';

const dir = tempDir();
const keyFile = makeSharedKeys(join(dir, 'keys'), { alice: 'ab'.repeat(16) });
const tls = { type: 'psk', dir: join(dir, 'keys') } as const;
const servers: NbdServer[] = [];
let count = 0;

async function start(
  options: Partial<NbdServerOptions> = {},
  device = new MemoryDevice({ size: 4096 }),
) {
  const path = join(dir, `socket-${count++}`);
  const log: string[] = [];
  const server = await startNbdServer({
    address: { type: 'unix', path },
    exports: [{ name: 'exp', device }],
    log: (line) => void log.push(line),
    ...options,
  });
  servers.push(server);
  return { path, log };
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const typeAndText = (answer: Answer | undefined) =>
  answer instanceof Buffer ? [answer.readUInt32BE(12), answer.subarray(20).toString()] : answer;

describe('a server that wants TLS', () => {
  it('answers nothing before it but STARTTLS and ABORT', async () => {
    const { path } = await start({ tls });
    const client = await RawClient.connect(path);
    client.send(u32(3));
    for (const [code, payload] of [
      [OPTION.LIST],
      [OPTION.STRUCTURED_REPLY],
      [11],
      [99],
      [OPTION.GO, infoPayload('exp')],
      [OPTION.INFO, infoPayload('nope')],
    ] as const) {
      expect(typeAndText((await client.option(code, payload)).at(-1))).toEqual([
        2 ** 31 + 5,
        `Option 0x${code.toString(16)} not permitted before TLS`,
      ]);
    }
    expect(typeAndText((await client.option(OPTION.ABORT)).at(-1))).toEqual([1, '']);
    expect(await client.rest()).toHaveLength(0);
  });

  it.each([
    ['an export by name', option(OPTION.EXPORT_NAME, Buffer.from('exp'))],
    ['a payload of STARTTLS', option(OPTION.STARTTLS, Buffer.from('x'))],
  ])('hangs up on %s', async (_, bytes) => {
    const { path } = await start({ tls });
    const client = await RawClient.connect(path);
    client.send(u32(3), bytes);
    expect(await client.rest()).toHaveLength(0);
  });

  it('hangs up on what was sent before TLS and would be taken for encrypted', async () => {
    const { path, log } = await start({ tls });
    const client = await RawClient.connect(path);
    client.send(u32(3), option(OPTION.STARTTLS), option(OPTION.ABORT));
    const rest = await client.rest();
    expect(typeAndText(rest)).toEqual([1, '']);
    expect(log).toEqual([
      'a client is cut off: TidemarkError: a client went on before TLS had begun',
    ]);
  });

  it('begins it once', async () => {
    const { path } = await start({ tls });
    const client = await RawClient.connect(path);
    client.send(u32(3));
    expect(typeAndText((await client.option(OPTION.STARTTLS)).at(-1))).toEqual([1, '']);
    client.socket.removeAllListeners('data');
    const secured = connectTls({
      socket: client.socket,
      ciphers: 'PSK',
      pskCallback: () => ({ psk: Buffer.from('ab'.repeat(16), 'hex'), identity: 'alice' }),
      checkServerIdentity: () => undefined,
    });
    await once(secured, 'secureConnect');
    secured.write(option(OPTION.STARTTLS));
    const [reply] = (await once(secured, 'data')) as [Buffer];
    expect(typeAndText(reply)).toEqual([2 ** 31 + 3, 'TLS already enabled']);
    secured.destroy();
  });

  it('speaks with our own client, any number of requests at a time', async () => {
    const device = new MemoryDevice({ size: 2 ** 24 });
    const { path } = await start({ tls }, device);
    const uri = `nbds+unix://alice@/exp?socket=${path}&tls-psk-file=${encodeURIComponent(keyFile)}`;
    await using disk = await connectNbd(uri);
    const writes = Array.from({ length: 64 }, (_, i) =>
      disk.write(Buffer.alloc(100_000, i + 1), i * 200_000),
    );
    await Promise.all(writes);
    const bytes = Buffer.alloc(2 ** 24);
    await disk.read(bytes, 0);
    for (let i = 0; i < 64; i++) {
      expect([bytes[i * 200_000], bytes[i * 200_000 + 99_999]]).toEqual([i + 1, i + 1]);
    }
  });

  it('gives up on who does not finish its handshake', async () => {
    const { path } = await start({ tls, limits: { handshake: 300 } });
    const client = await RawClient.connect(path);
    client.send(u32(3));
    await client.option(OPTION.STARTTLS);
    expect(await client.rest()).toHaveLength(0);
  });

  it('lets the next one in when a client goes in the midst of its handshake', async () => {
    const { path } = await start({ tls, limits: { handshake: 2 ** 30 } });
    const client = await RawClient.connect(path);
    client.send(u32(3));
    await client.option(OPTION.STARTTLS);
    client.socket.end();
    // Until the server's end, on which others may wait.
    expect(await client.rest()).toHaveLength(0);
  });
});

describe('limits of a server', () => {
  it('hold for the time of a handshake', async () => {
    const { path } = await start({ limits: { handshake: 200 } });
    expect(await (await RawClient.connect(path)).rest()).toHaveLength(0);
  });

  it('hold for requests of one client that are worked on', async () => {
    const device = new HeldDevice({ size: 2 ** 20 });
    const { path } = await start({ limits: { requests: 3 } }, device);
    const one = await RawClient.enter(path);
    const write = request({ type: COMMAND.WRITE, payload: Buffer.alloc(512) });
    one.send(...Array.from({ length: 10 }, () => write));
    await device.begun(3);
    // Another client has its own.
    const other = await RawClient.enter(path);
    other.send(write);
    await device.begun(4);
    expect(device.writes).toBe(4);
    device.letGo();
    for (let i = 0; i < 10; i++) await one.reply();
    expect(device.writes).toBe(11);
    one.close();
    other.close();
  });

  it('hold for bytes of one client', async () => {
    const device = new HeldDevice({ size: 2 ** 20 });
    const { path } = await start({ limits: { bytes: 1000 } }, device);
    const client = await RawClient.enter(path);
    const write = request({ type: COMMAND.WRITE, payload: Buffer.alloc(600) });
    client.send(write, write, write, write);
    await device.begun(2);
    const other = await RawClient.enter(path);
    other.send(write);
    await device.begun(3);
    expect(device.writes).toBe(3);
    device.letGo();
    for (let i = 0; i < 4; i++) await client.reply();
    client.close();
    other.close();
  });

  it('hold for clients', async () => {
    const { path, log } = await start({ limits: { clients: 1 } });
    const first = await RawClient.enter(path);
    await expect(RawClient.enter(path)).rejects.toThrow('hung up');
    expect(log).toEqual(['a client is turned away: there are 1 already']);
    first.close();
  });

  it.each([{ clients: 0 }, { requests: 1.5 }, { bytes: -1 }, { handshake: 2 ** 31 }])(
    'cannot be %o',
    async (limits) => {
      await expect(start({ limits })).rejects.toMatchObject({ code: 'USAGE' });
    },
  );
});

describe('the socket of a server', () => {
  it.each([0o600, 0o660, 0o666, 0o777])('has mode %o when it is asked for', async (mode) => {
    const path = join(dir, `socket-${count++}`);
    const umask = process.umask();
    await start({ address: { type: 'unix', path, mode } });
    expect(statSync(path).mode & 0o777).toBe(mode);
    expect(process.umask()).toBe(umask);
    chmodSync(path, 0o600);
  });
});
