import { connectNbd } from '@tidemark/nbd';
import { describe, expect, it } from 'vitest';
import { InfoExport, Option, OptionReplyType } from '../src/protocol/handshake.ts';
import {
  contextReply,
  type Peer,
  ScriptedServer,
  shakeHands,
  u32s,
  u64,
} from './support/client-scripted-server.ts';

type Script = (peer: Peer) => Promise<void>;

const INFO = InfoExport.encode({ type: 0, size: 512n, flags: 1 });
const WELL_DONE = Buffer.from('\u0000\u0003');

/** Answers the option with what the test wants, and all options before it as a server does. */
function until(wanted: number, reply: (peer: Peer, option: number) => void): Script {
  return async (peer) => {
    peer.greet();
    await peer.take(4);
    for (;;) {
      const { option } = await peer.option();
      if (option === wanted) reply(peer, option);
      else peer.replyToOption(option, OptionReplyType.ACK);
    }
  };
}

const onGo = (...replies: readonly (readonly [type: number, payload?: Uint8Array])[]): Script =>
  until(Option.GO, (peer, option) => {
    for (const [type, payload] of replies) peer.replyToOption(option, type, payload);
  });

const onContexts = (...replies: readonly Uint8Array[]): Script =>
  until(Option.SET_META_CONTEXT, (peer, option) => {
    for (const reply of replies) peer.replyToOption(option, OptionReplyType.META_CONTEXT, reply);
    peer.replyToOption(option, OptionReplyType.ACK);
  });

const blockSize = (...sizes: readonly number[]) => Buffer.concat([WELL_DONE, u32s(...sizes)]);
const greeting =
  (bytes: Uint8Array): Script =>
  async (peer) =>
    peer.send(bytes);

const { ACK, INFO: IS_INFO, SERVER, META_CONTEXT } = OptionReplyType;

describe('a server that answers the handshake wrongly', () => {
  it.each<readonly [what: string, why: string, script: Script]>([
    [
      'greets as HTTP does',
      'does not greet',
      greeting(Buffer.from('HTTP/1.1 400 Bad Request\r\n')),
    ],
    [
      'greets with a wrong second magic number',
      'does not greet',
      greeting(Buffer.concat([Buffer.from('NBDMAGICIHAVEOPX'), Buffer.from([0, 3])])),
    ],
    [
      'replies with a wrong magic number',
      'wrong magic number',
      until(Option.GO, (peer) => peer.send(new Uint8Array(20))),
    ],
    [
      'replies to another option',
      'option GO was answered as if it were LIST',
      until(Option.GO, (peer) => peer.replyToOption(Option.LIST, ACK)),
    ],
    ['acknowledges with a payload', 'has 4 bytes', onGo([ACK, new Uint8Array(4)])],
    ['tells of a payload too long', 'has 4113 bytes', onGo([IS_INFO, new Uint8Array(4113)])],
    [
      'sends an error text too long',
      'error text of 4097',
      onGo([2 ** 31 + 3, new Uint8Array(4097)]),
    ],
    ['describes no export', 'not described', onGo([ACK])],
    ['describes it by too few bytes', '5 bytes', onGo([IS_INFO, new Uint8Array(5)], [ACK])],
    ['describes it by too many', '13 bytes', onGo([IS_INFO, new Uint8Array(13)], [ACK])],
    ['sends info without a type', '1 bytes', onGo([IS_INFO, new Uint8Array(1)], [ACK])],
    ['replies to GO as to LIST', 'reply of type 2', onGo([SERVER, new Uint8Array(4)], [ACK])],
    [
      'has a size that no number holds',
      'over 2^53 - 1',
      onGo([IS_INFO, InfoExport.encode({ type: 0, size: 2n ** 53n, flags: 1 })], [ACK]),
    ],
    ['has no smallest block', 'block sizes of 0', onGo([IS_INFO, blockSize(0, 1, 1)], [ACK])],
    ['has blocks of 3 bytes', 'block sizes of 3', onGo([IS_INFO, blockSize(3, 3, 3)], [ACK])],
    [
      'has a smallest block over 64 KiB',
      'block sizes of 131072',
      onGo([IS_INFO, blockSize(131_072, 131_072, 131_072)], [ACK]),
    ],
    [
      'has a smallest block over the largest',
      'block sizes of 4096',
      onGo([IS_INFO, blockSize(4096, 4096, 512)], [ACK]),
    ],
    ['has block sizes cut short', 'cut short', onGo([IS_INFO, blockSize(1, 1)], [ACK])],
    ['has a context without an id', 'cut short', onContexts(new Uint8Array(3))],
    ['names a context twice', 'twice', onContexts(contextReply(1, 'a:b'), contextReply(2, 'a:b'))],
    [
      'gives two contexts one id',
      'not told apart',
      onContexts(contextReply(7, 'a:b'), contextReply(7, 'a:c')),
    ],
    [
      'answers the choice of contexts with info',
      'reply of type 3',
      until(Option.SET_META_CONTEXT, (peer, option) => {
        peer.replyToOption(option, IS_INFO, INFO);
        peer.replyToOption(option, ACK);
      }),
    ],
    [
      'never stops replying',
      'has no end',
      until(Option.SET_META_CONTEXT, (peer, option) => {
        const name = 'x'.repeat(4096);
        for (let id = 0; id < 9000; id++) {
          peer.replyToOption(option, META_CONTEXT, contextReply(id, name));
        }
      }),
    ],
  ])('and %s is a protocol error', async (_what, why, script) => {
    await using server = await ScriptedServer.start(script);
    await expect(connectNbd(server.uri)).rejects.toMatchObject({
      code: 'PROTOCOL_ERROR',
      message: expect.stringContaining(why),
      context: { where: `nbd drive '${server.uri}'`, hint: expect.any(String) },
    });
  });

  it.each([0, 5, 18])('and hangs up after %i bytes is a lost connection', async (count) => {
    await using server = await ScriptedServer.start(async (peer) => {
      peer.send(Buffer.from('NBDMAGICIHAVEOPT\u0000\u0003').subarray(0, count));
      peer.end();
    });
    await expect(connectNbd(server.uri)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });

  it.each<readonly [what: string, script: Script]>([
    ['at once', async () => {}],
    ['after the greeting', async (peer) => peer.greet()],
    ['in the middle of a reply', until(Option.GO, (peer) => peer.send(u64(0x3e889045565a9)))],
  ])('and falls silent %s is given up after the timeout', async (_when, script) => {
    await using server = await ScriptedServer.start(script);
    await expect(connectNbd(server.uri, { timeout: 50 })).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: expect.stringContaining('did not answer in 0.05 s'),
    });
  });
});

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

  it('because it does not negotiate is named as old style', async () => {
    const old = Buffer.concat([Buffer.from('NBDMAGIC'), Buffer.from('00420281861253', 'hex')]);
    await using server = await ScriptedServer.start(
      greeting(Buffer.concat([old.subarray(0, 8), Buffer.from([0]), old.subarray(8), u64(512)])),
    );
    await expect(connectNbd(server.uri)).rejects.toMatchObject({
      code: 'DEVICE_UNSUPPORTED',
      message: expect.stringContaining('old style'),
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
