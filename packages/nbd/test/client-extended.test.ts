// The bytes are written out by hand from the protocol document, and none by the code that is tested.
import { connectNbd, type NbdDevice } from '@tidemark/nbd';
import { expect, it } from 'vitest';
import { type Peer, ScriptedServer } from './support/client-scripted-server.ts';
import { hex } from './support/extended-client.ts';

const ACK = 1;
const GO = 7;
const SET_META_CONTEXT = 10;
const EXTENDED_HEADERS = 11;
const TIB = 2 ** 40;

/** Up to the requests of an export of 8 TiB with `base:allocation` as context 0. */
async function agree(peer: Peer): Promise<readonly number[]> {
  peer.greet();
  await peer.take(4);
  const asked: number[] = [];
  for (;;) {
    const { option } = await peer.option();
    asked.push(option);
    if (option === SET_META_CONTEXT) {
      peer.send(hex('0003e889045565a9 0000000a 00000004 00000013 00000000'));
      peer.send(Buffer.from('base:allocation'));
    }
    // INFO_EXPORT: 8 TiB; HAS_FLAGS, FLUSH, TRIM and WRITE_ZEROES.
    if (option === GO)
      peer.send(hex('0003e889045565a9 00000007 00000003 0000000c 0000 0000080000000000 0065'));
    peer.replyToOption(option, ACK);
    if (option === GO) return asked;
  }
}

async function serve(
  script: (peer: Peer) => Promise<void>,
  act: (device: NbdDevice) => Promise<void>,
) {
  let asked: readonly number[] = [];
  await using server = await ScriptedServer.start(async (peer) => {
    asked = await agree(peer);
    await script(peer);
    await peer.take(32);
    peer.end();
  });
  const device = await connectNbd(server.uri);
  await act(device);
  await device.close();
  return asked;
}

/** The next request, without its cookie, and the cookie as hex. */
async function take(peer: Peer, payload = 0): Promise<readonly [string, string]> {
  const bytes = Buffer.from(await peer.take(32 + payload)).toString('hex');
  return [bytes.slice(0, 16) + bytes.slice(32), bytes.slice(16, 32)];
}

const bare = (text: string) => hex(text).toString('hex');

it('asks for extended headers first, and for nothing older where it gets them', async () => {
  const asked = await serve(
    async () => {},
    async () => {},
  );
  expect(asked).toEqual([EXTENDED_HEADERS, SET_META_CONTEXT, GO]);
});

it('reads, writes and flushes with headers of 32 bytes', async () => {
  const requests: string[] = [];
  const next = async (peer: Peer, payload: number, reply: (cookie: string) => string) => {
    const [request, cookie] = await take(peer, payload);
    requests.push(request);
    peer.send(hex(reply(cookie)));
  };
  await serve(
    async (peer) => {
      await next(
        peer,
        4,
        (cookie) => `6e8a278c 0001 0000 ${cookie} 0000070000000000 0000000000000000`,
      );
      await next(
        peer,
        0,
        (cookie) => `6e8a278c 0000 0002 ${cookie} 0000070000000000 000000000000000c
                     0000070000000000 00000002
                     6e8a278c 0001 0001 ${cookie} 0000070000000000 000000000000000a
                     0000070000000002 beef`,
      );
      await next(
        peer,
        0,
        (cookie) => `6e8a278c 0001 0000 ${cookie} 0000000000000000 0000000000000000`,
      );
    },
    async (device) => {
      await device.write(hex('cafebabe'), 7 * TIB);
      const target = Buffer.alloc(4, 0xee);
      await device.read(target, 7 * TIB);
      expect(target).toEqual(hex('0000beef'));
      await device.flush();
    },
  );
  expect(requests).toEqual([
    bare('21e41c71 0020 0001 0000070000000000 0000000000000004 cafebabe'),
    bare('21e41c71 0000 0000 0000070000000000 0000000000000004'),
    bare('21e41c71 0000 0003 0000000000000000 0000000000000000'),
  ]);
});

it('asks for a tebibyte of extents at once, and takes them of either kind', async () => {
  const requests: string[] = [];
  await serve(
    async (peer) => {
      const [first, one] = await take(peer);
      peer.send(
        hex(`6e8a278c 0001 0006 ${one} 0000000000000000 0000000000000028
             00000000 00000002
             0000008000000000 0000000000000003
             0000018000000000 0000000000000000`),
      );
      const [second, two] = await take(peer);
      peer.send(
        hex(`6e8a278c 0001 0005 ${two} 0000020000000000 000000000000000c
             00000000 80000000 00000003`),
      );
      const [third, three] = await take(peer);
      peer.send(
        hex(`6e8a278c 0001 0006 ${three} 0000020080000000 0000000000000018
             00000000 00000000
             000000ff80000000 0000000000000003`),
      );
      requests.push(first, second, third);
    },
    async (device) => {
      const extents = [];
      for await (const extent of device.extents(0, 3 * TIB)) extents.push(extent);
      expect(extents).toEqual([
        { offset: 0, length: TIB / 2, zero: true, allocated: false },
        { offset: TIB / 2, length: 1.5 * TIB, zero: false, allocated: true },
        { offset: 2 * TIB, length: TIB, zero: true, allocated: false },
      ]);
    },
  );
  expect(requests).toEqual([
    bare('21e41c71 0000 0007 0000000000000000 0000010000000000'),
    bare('21e41c71 0000 0007 0000020000000000 0000010000000000'),
    bare('21e41c71 0000 0007 0000020080000000 000000ff80000000'),
  ]);
});

it('tells errors with the words of the server', async () => {
  await serve(
    async (peer) => {
      const [, cookie] = await take(peer);
      peer.send(
        hex(`6e8a278c 0001 8001 ${cookie} 0000000000000000 000000000000000a
             00000005 0004 6f6f7073`),
      );
    },
    async (device) => {
      await expect(device.read(Buffer.alloc(4), 0)).rejects.toMatchObject({
        code: 'IO_FAILED',
        message: expect.stringMatching(/could not read 4 bytes at 0: oops$/),
      });
    },
  );
});

it.each([
  ['a simple reply', (cookie: string) => `67446698 00000000 ${cookie} ${'00'.repeat(16)}`],
  [
    'a structured reply',
    (cookie: string) => `668e33ef 0001 0000 ${cookie} 00000000 ${'00'.repeat(12)}`,
  ],
  [
    'another offset than was asked for',
    (cookie: string) => `6e8a278c 0001 0000 ${cookie} 0000000000000001 0000000000000000`,
  ],
  [
    'an empty chunk that is not empty',
    (cookie: string) => `6e8a278c 0001 0000 ${cookie} 0000000000000000 0000000100000000`,
  ],
  [
    'more extents than there are bytes for',
    (cookie: string) => `6e8a278c 0001 0006 ${cookie} 0000000000000000 0000000000000018
       00000000 00000007 0000000000001000 0000000000000000`,
  ],
  [
    'exabytes of extents',
    (cookie: string) => `6e8a278c 0001 0006 ${cookie} 0000000000000000 7ffffffffffffff8`,
  ],
  [
    'extents beyond the end',
    (cookie: string) => `6e8a278c 0001 0006 ${cookie} 0000000000000000 0000000000000018
       00000000 00000001 00000f0000000000 0000000000000000`,
  ],
])('hangs up on %s', async (_, reply) => {
  await using server = await ScriptedServer.start(async (peer) => {
    await agree(peer);
    const [, cookie] = await take(peer);
    peer.send(hex(reply(cookie)));
  });
  await using device = await connectNbd(server.uri);
  const ask = async () => {
    for await (const _extent of device.extents(0, TIB)) return;
  };
  await expect(ask()).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' });
});
