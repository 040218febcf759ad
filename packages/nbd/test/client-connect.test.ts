import { connectNbd } from '@tidemark/nbd';
import { describe, expect, it } from 'vitest';
import {
  Greeting,
  INIT_MAGIC,
  OLD_STYLE_MAGIC,
  OldStyleExport,
  Option,
  OptionReplyType,
} from '../src/protocol/handshake.ts';
import { contextReply, ScriptedServer, shakeHands, u64 } from './support/client-scripted-server.ts';
import { greeting, INFO, onGo, until } from './support/client-scripts.ts';

/** What a server that does not negotiate says of its one export. */
const oldStyle = (size: bigint, flags: number) =>
  Buffer.concat([
    Greeting.encode({ initMagic: INIT_MAGIC, optionMagic: OLD_STYLE_MAGIC }),
    OldStyleExport.encode({ size, flags }),
    Buffer.alloc(124),
  ]);

const { ACK, INFO: IS_INFO, META_CONTEXT } = OptionReplyType;

describe('a server that refuses an export', () => {
  const refuse = (type: number, text: string) => onGo([2 ** 31 + type, Buffer.from(text)]);

  it.each([
    [2, 'PERMISSION_DENIED'],
    [3, 'PROTOCOL_ERROR'],
    [4, 'DEVICE_UNSUPPORTED'],
    [5, 'DEVICE_UNSUPPORTED'],
    [6, 'FILE_NOT_FOUND'],
    [7, 'CONNECTION_LOST'],
    [8, 'PROTOCOL_ERROR'],
    [99, 'PROTOCOL_ERROR'],
  ])('by error %i gives %s with its own words', async (type, code) => {
    await using server = await ScriptedServer.start(refuse(type, 'not\u0007 to\u001Bday'));
    await expect(connectNbd(server.uri)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/export 'x' was not opened: the server .*: not to day$/),
    });
  });

  it('because it does not negotiate, and has no names, is named as old style', async () => {
    await using server = await ScriptedServer.start(greeting(oldStyle(512n, 1)));
    await expect(connectNbd(server.uri)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining('old style'),
    });
  });

  it('because it does not negotiate, and cannot speak TLS, is refused', async () => {
    await using server = await ScriptedServer.start(greeting(oldStyle(512n, 1)));
    const uri = server.uri.replace('nbd:', 'nbds:').replace(/x$/, '');
    await expect(connectNbd(uri)).rejects.toMatchObject({
      code: 'DEVICE_UNSUPPORTED',
      message: expect.stringContaining('older protocol'),
    });
  });

  it('because its size is more than a number holds says so', async () => {
    await using server = await ScriptedServer.start(greeting(oldStyle(2n ** 63n, 1)));
    await expect(connectNbd(server.uri.replace(/x$/, ''))).rejects.toMatchObject({
      code: 'DEVICE_UNSUPPORTED',
      message: expect.stringContaining('9223372036854775808 bytes'),
    });
  });
});

describe('a connection', () => {
  it('is refused by name when its export is no whole number of blocks', async () => {
    await using server = await ScriptedServer.start((peer) =>
      shakeHands(peer, { size: 1000n, blockSize: [512, 512, 512] }),
    );
    await expect(connectNbd(server.uri)).rejects.toMatchObject({ code: 'DEVICE_UNSUPPORTED' });
  });

  it('to a server without GO enters the export by its name', async () => {
    let entered = '';
    await using server = await ScriptedServer.start(async (peer) => {
      peer.greet(1);
      await peer.take(4);
      for (;;) {
        const { option, payload } = await peer.option();
        if (option === Option.EXPORT_NAME) {
          entered = Buffer.from(payload).toString();
          break;
        }
        peer.replyToOption(option, OptionReplyType.UNSUP);
      }
      peer.send(u64(2048), Buffer.from([0, 3]), new Uint8Array(124));
      const { cookie, length } = await peer.request();
      peer.simple(cookie);
      peer.send(new Uint8Array(length).fill(9));
    });
    await using device = await connectNbd(server.uri);
    expect(device).toMatchObject({ size: 2048, writable: false, contexts: [] });
    const target = new Uint8Array(3);
    await device.read(target, 1);
    expect(target).toEqual(Uint8Array.of(9, 9, 9));
    expect(entered).toBe('x');
  });

  it('asks for base:allocation first, and for each further context once', async () => {
    const asked: string[] = [];
    await using server = await ScriptedServer.start(async (peer) => {
      peer.greet();
      await peer.take(4);
      peer.replyToOption((await peer.option()).option, ACK);
      const { payload } = await peer.option();
      asked.push(Buffer.from(payload).toString('latin1'));
      peer.end();
    });
    const contexts = ['a:b', 'base:allocation', 'a:b'];
    await expect(connectNbd(server.uri, { contexts })).rejects.toThrow('closed');
    expect(asked).toEqual(['\0\0\0\u0001x\0\0\0\u0002\0\0\0\u000fbase:allocation\0\0\0\u0003a:b']);
  });

  it('has no contexts when the choice of them is refused after all', async () => {
    await using server = await ScriptedServer.start(
      until(Option.SET_META_CONTEXT, (peer, option) => {
        peer.replyToOption(option, META_CONTEXT, contextReply(1, 'base:allocation'));
        peer.replyToOption(option, OptionReplyType.INVALID);
        peer.replyToOption(Option.GO, IS_INFO, INFO);
      }),
    );
    await using device = await connectNbd(server.uri);
    expect(device).toMatchObject({ size: 512, contexts: [] });
  });

  it.each([[['']], [['a\0']], [['x'.repeat(4097)]]])(
    'is not tried with contexts that no server can have: %j',
    async (contexts) => {
      await expect(connectNbd('nbd://127.0.0.1:1/', { contexts })).rejects.toBeInstanceOf(
        RangeError,
      );
    },
  );

  it('may have all the time in the world', async () => {
    await using server = await ScriptedServer.start(async (peer) => {
      await shakeHands(peer);
      await peer.request();
      peer.end();
    });
    await using device = await connectNbd(server.uri, { timeout: Number.POSITIVE_INFINITY });
    expect(device.size).toBe(1_048_576);
  });

  it('to a socket that is not there names it and says what to do', async () => {
    const uri = 'nbd+unix:///?socket=/nowhere/nbd.sock';
    await expect(connectNbd(uri)).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: `nbd drive '${uri}': there is no such socket`,
      context: { hint: expect.stringContaining('check the address') },
      cause: { code: 'ENOENT' },
    });
  });

  it('to a path that is too long for a socket is refused, not thrown elsewhere', async () => {
    const uri = `nbd+unix:///?socket=/${'x'.repeat(300)}`;
    await expect(connectNbd(uri)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });

  it('to a port where nothing listens is lost before it begins', async () => {
    const server = await ScriptedServer.start(async () => {});
    await server[Symbol.asyncDispose]();
    await expect(connectNbd(server.uri)).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: expect.stringContaining('no connection could be made'),
      cause: { code: 'ECONNREFUSED' },
    });
  });

  it('to a host that is spelled wrongly fails with the reason', async () => {
    await expect(connectNbd('nbd://host.invalid/')).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      cause: { syscall: 'getaddrinfo' },
    });
  });
});
