import { connectNbd } from '@tidemark/nbd';
import { describe, expect, it } from 'vitest';
import { InfoExport, Option, OptionReplyType } from '../src/protocol/handshake.ts';
import { contextReply, ScriptedServer, u32s, u64 } from './support/client-scripted-server.ts';
import { greeting, INFO, onGo, type Script, until } from './support/client-scripts.ts';

const BLOCK_SIZE_TYPE = Buffer.from('\u0000\u0003');

const onContexts = (...replies: readonly Uint8Array[]): Script =>
  until(Option.SET_META_CONTEXT, (peer, option) => {
    for (const reply of replies) peer.replyToOption(option, OptionReplyType.META_CONTEXT, reply);
    peer.replyToOption(option, OptionReplyType.ACK);
  });

const blockSize = (...sizes: readonly number[]) => Buffer.concat([BLOCK_SIZE_TYPE, u32s(...sizes)]);
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

  it('and has a disk of more bytes than are supported is told so, and no fault of its protocol', async () => {
    const info = InfoExport.encode({ type: 0, size: 2n ** 53n, flags: 1 });
    await using server = await ScriptedServer.start(onGo([IS_INFO, info], [ACK]));
    await expect(connectNbd(server.uri)).rejects.toMatchObject({
      code: 'DEVICE_UNSUPPORTED',
      message: expect.stringContaining('2^53 bytes or more are not supported'),
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
