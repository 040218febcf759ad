// Every byte here is written out by hand from the protocol document ("Request message",
// "Extended reply chunk message", "NBD_REPLY_TYPE_BLOCK_STATUS_EXT", "NBD_CMD_BLOCK_STATUS"), and
// none by the code that is tested.
import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { expect, it } from 'vitest';
import { enterExtended, EXTENDED_HEADERS, hex } from './support/extended-client.ts';
import type { RawClient } from './support/raw-client.ts';
import { useServers } from './support/serve.ts';
import { NotingDevice } from './support/test-devices.ts';
import { infoPayload, metaPayload, OPTION, u32 } from './support/wire.ts';

const GIB = 2 ** 30;
const serve = useServers();

async function expectAnswer(client: RawClient, request: string, reply: string): Promise<void> {
  const expected = hex(reply);
  client.send(hex(request));
  expect((await client.take(expected.length)).toString('hex')).toBe(expected.toString('hex'));
}

/** The type of a reply to an option, and its text. */
async function ask(client: RawClient, code: number, payload?: Uint8Array) {
  const last = (await client.option(code, payload)).at(-1);
  if (last === undefined || last === 'end') return last;
  return [last.readUInt32BE(12), last.subarray(20).toString()];
}

it('agrees on extended headers, which take the place of structured replies', async () => {
  const { connect } = await serve({ device: new MemoryDevice({ size: GIB }) });
  const client = await connect();
  client.send(u32(3));
  await expectAnswer(
    client,
    `4948415645 4f5054   # IHAVEOPT
     0000000b 00000000   # EXTENDED_HEADERS, no payload`,
    `0003e889045565a9 0000000b 00000001 00000000   # ACK`,
  );
  const TEXT = 'extended headers already negotiated';
  expect(await ask(client, EXTENDED_HEADERS)).toEqual([2 ** 31 + 3, TEXT]);
  expect(await ask(client, OPTION.STRUCTURED_REPLY)).toEqual([2 ** 31 + 10, TEXT]);
});

it('takes extended headers behind structured replies, and no payload with them', async () => {
  const { connect } = await serve({ device: new MemoryDevice({ size: GIB }) });
  const client = await connect();
  client.send(u32(3));
  expect(await ask(client, OPTION.STRUCTURED_REPLY)).toEqual([1, '']);
  expect((await ask(client, EXTENDED_HEADERS, Buffer.from('x')))?.[0]).toBe(2 ** 31 + 3);
  expect(await ask(client, EXTENDED_HEADERS)).toEqual([1, '']);
});

it('tells that a block status may name contexts, once there are any or to who only looks', async () => {
  const { connect } = await serve({ device: new MemoryDevice({ size: GIB }) });
  const flagsOf = async (client: RawClient, option: number) => {
    const info = (await client.option(option, infoPayload('exp'))).at(-2);
    return info instanceof Buffer ? info.readUInt16BE(info.length - 2) & (1 << 12) : undefined;
  };
  const looked = [];
  const entered = [];
  for (const query of ['base:allocation', 'none:such']) {
    const client = await connect();
    client.send(u32(3));
    await client.option(OPTION.STRUCTURED_REPLY);
    await client.option(OPTION.SET_META_CONTEXT, metaPayload('exp', query));
    looked.push(await flagsOf(client, OPTION.INFO));
    await client.option(EXTENDED_HEADERS);
    await client.option(OPTION.SET_META_CONTEXT, metaPayload('exp', query));
    looked.push(await flagsOf(client, OPTION.INFO));
    entered.push(await flagsOf(client, OPTION.GO));
  }
  expect(looked).toEqual([0, 1 << 12, 0, 1 << 12]);
  expect(entered).toEqual([1 << 12, 0]);
});

it('writes, reads and flushes with headers of 32 bytes', async () => {
  const device = new MemoryDevice({ size: GIB });
  const { connect } = await serve({ device });
  const client = await enterExtended(connect);
  await expectAnswer(
    client,
    `21e41c71 0020 0001   # request, PAYLOAD_LEN, WRITE
     0102030405060708     # cookie
     0000000000001000     # offset
     0000000000000004     # bytes of payload
     cafebabe`,
    `6e8a278c 0001 0000   # extended reply, DONE, NONE
     0102030405060708     # cookie
     0000000000001000     # the request's offset
     0000000000000000     # no payload`,
  );
  await expectAnswer(
    client,
    `21e41c71 0000 0000   # READ
     1112131415161718
     0000000000001002     # offset
     0000000000000002     # bytes of the disk`,
    `6e8a278c 0001 0001   # DONE, OFFSET_DATA
     1112131415161718
     0000000000001002     # the request's offset
     000000000000000a     # 8 bytes of offset, 2 of data
     0000000000001002
     babe`,
  );
  await expectAnswer(
    client,
    `21e41c71 0000 0003   # FLUSH
     2122232425262728 0000000000000000 0000000000000000`,
    `6e8a278c 0001 0000
     2122232425262728 0000000000000000 0000000000000000`,
  );
});

it('tells of holes by chunks that have the offset of the request', async () => {
  const { connect } = await serve({ device: new MemoryDevice({ size: GIB }) });
  const client = await enterExtended(connect);
  await expectAnswer(
    client,
    `21e41c71 0000 0000
     3132333435363738
     0000000000010000     # offset 65536
     0000000000020000     # 131072 bytes`,
    `6e8a278c 0001 0002   # DONE, OFFSET_HOLE
     3132333435363738
     0000000000010000
     000000000000000c     # 12 bytes of payload
     0000000000010000     # offset of the hole
     00020000             # its length`,
  );
});

it('zeroes and trims more than 4 GiB at once', async () => {
  const device = new NotingDevice({ size: 16 * GIB });
  const { connect } = await serve({ device });
  const client = await enterExtended(connect);
  await expectAnswer(
    client,
    `21e41c71 0012 0006   # NO_HOLE and FAST_ZERO, WRITE_ZEROES
     4142434445464748
     0000000000001000
     0000000240000000     # 9 GiB`,
    `6e8a278c 0001 0000 4142434445464748 0000000000001000 0000000000000000`,
  );
  await expectAnswer(
    client,
    `21e41c71 0000 0004   # TRIM
     4142434445464749
     0000000000000000
     0000000400000000     # 16 GiB`,
    `6e8a278c 0001 0000 4142434445464749 0000000000000000 0000000000000000`,
  );
  expect(device.notes).toEqual([
    `zeroes ${9 * GIB}@4096 kept`,
    'zeroed',
    `discard ${16 * GIB}@0`,
    'discarded',
  ]);
});

it('tells of runs of more than 4 GiB', async () => {
  const device = new MemoryDevice({ size: 16 * GIB });
  const bitmap = new DirtyBitmap(device.size, 65_536);
  bitmap.set(8 * GIB, 1);
  const bitmaps = () => [{ name: 'b', content: () => bitmap }];
  const { connect } = await serve({ device, bitmaps });
  const client = await enterExtended(connect, ['qemu:dirty-bitmap:b']);
  await expectAnswer(
    client,
    `21e41c71 0000 0007   # BLOCK_STATUS
     5152535455565758
     0000000000000000
     0000000400000000     # 16 GiB`,
    `6e8a278c 0001 0006   # DONE, BLOCK_STATUS_EXT
     5152535455565758
     0000000000000000
     0000000000000038     # 8 + 3 * 16
     00000002             # context
     00000003             # extents
     0000000200000000 0000000000000000   # 8 GiB, clean
     0000000000010000 0000000000000001   # 64 KiB, dirty
     00000001ffff0000 0000000000000000   # the rest, clean`,
  );
});

it('tells of the contexts that a block status names, and of as many bytes as it says', async () => {
  const device = new MemoryDevice({ size: GIB });
  const bitmap = new DirtyBitmap(GIB, 65_536);
  const bitmaps = () => [{ name: 'b', content: () => bitmap }];
  const { connect } = await serve({ device, bitmaps });
  const client = await enterExtended(connect, ['base:allocation', 'qemu:dirty-bitmap:b']);
  await expectAnswer(
    client,
    `21e41c71 0020 0007   # PAYLOAD_LEN, BLOCK_STATUS
     6162636465666768
     0000000000000000
     000000000000000c     # 12 bytes of payload
     0000000000100000     # 1 MiB of the disk
     00000002             # of this context`,
    `6e8a278c 0001 0006
     6162636465666768
     0000000000000000
     0000000000000018
     00000002 00000001
     0000000000100000 0000000000000000`,
  );
});

it.each([
  ['a context twice', '0000000000001000 00000002 00000002', 16],
  ['a context that was not agreed on', '0000000000001000 00000009', 12],
  ['no context', '0000000000001000', 8],
  ['half a context', '0000000000001000 0000', 10],
  ['half a length', '00000000', 4],
])('refuses a block status that names %s, and goes on', async (_, payload, length) => {
  const bitmap = new DirtyBitmap(GIB, 65_536);
  const bitmaps = () => [{ name: 'b', content: () => bitmap }];
  const { connect } = await serve({ device: new MemoryDevice({ size: GIB }), bitmaps });
  const client = await enterExtended(connect, ['qemu:dirty-bitmap:b']);
  const size = length.toString(16).padStart(16, '0');
  client.send(hex(`21e41c71 0020 0007 7172737475767778 0000000000000000 ${size} ${payload}`));
  const head = await client.take(32);
  expect(head.subarray(0, 24)).toEqual(hex('6e8a278c 0001 8001 7172737475767778 0000000000000000'));
  const body = await client.take(Number(head.readBigUInt64BE(24)));
  expect(body.readUInt32BE(0)).toBe(22);
  await expectFlushes(client);
});

it('takes the payload of a command that has none, refuses it, and goes on', async () => {
  const { connect } = await serve({ device: new MemoryDevice({ size: GIB }) });
  const client = await enterExtended(connect);
  // A trim whose payload looks like a request to write.
  client.send(
    hex(`21e41c71 0020 0004 8182838485868788 0000000000000000 0000000000000024
         21e41c71 0020 0001 9192939495969798 0000000000000000 0000000000000004 ffffffff`),
  );
  const head = await client.take(32);
  expect(head.readUInt16BE(6)).toBe(0x8001);
  const body = await client.take(Number(head.readBigUInt64BE(24)));
  expect([body.readUInt32BE(0), body.subarray(6).toString()]).toEqual([
    22,
    'unsupported flags for command trim (got 0x20)',
  ]);
  await expectFlushes(client);
});

it.each([
  ['a payload of more than 32 MiB', '0020 0001', '0000000002000001'],
  ['a payload of exabytes', '0020 0007', 'ffffffffffffffff'],
])('answers %s, and hangs up', async (_, command, length) => {
  const device = new NotingDevice({ size: GIB });
  const { connect } = await serve({ device });
  const client = await enterExtended(connect);
  client.send(
    hex(`21e41c71 ${command} a1a2a3a4a5a6a7a8 0000000000000000 ${length} ${'ff'.repeat(64)}`),
  );
  const rest = await client.rest();
  expect(rest.subarray(0, 16)).toEqual(hex('6e8a278c 0001 8001 a1a2a3a4a5a6a7a8'));
  expect(rest.readUInt32BE(32)).toBe(22);
  expect(device.notes).toEqual([]);
});

it('takes the data of a write that does not say that it follows, as QEMU does', async () => {
  const device = new MemoryDevice({ size: GIB });
  const { connect } = await serve({ device });
  const client = await enterExtended(connect);
  await expectAnswer(
    client,
    // What is written looks like a request to disconnect.
    `21e41c71 0000 0001 d1d2d3d4d5d6d7d8 0000000000000200 0000000000000020
     21e41c71 0000 0002 e1e2e3e4e5e6e7e8 0000000000000000 0000000000000000`,
    '6e8a278c 0001 0000 d1d2d3d4d5d6d7d8 0000000000000200 0000000000000000',
  );
  const written = Buffer.alloc(4);
  await device.read(written, 512);
  expect(written).toEqual(hex('21e41c71'));
  await expectFlushes(client);
});

it('hangs up on a request with a header of the other kind', async () => {
  const { connect } = await serve({ device: new MemoryDevice({ size: GIB }) });
  const client = await enterExtended(connect);
  client.send(hex('25609513 0000 0003 a1a2a3a4a5a6a7a8 0000000000000000 00000000 00000000'));
  expect((await client.rest()).readUInt32BE(32)).toBe(22);
});

it('refuses lengths that no disk has, and gives the offset back as it came', async () => {
  const { connect } = await serve({ device: new MemoryDevice({ size: GIB }) });
  const client = await enterExtended(connect);
  for (const command of ['0004', '0006', '0000']) {
    client.send(hex(`21e41c71 0000 ${command} b1b2b3b4b5b6b7b8 fffffffffffffff1 ffffffffffffffff`));
    const head = await client.take(32);
    expect(head.subarray(0, 24)).toEqual(
      hex('6e8a278c 0001 8001 b1b2b3b4b5b6b7b8 fffffffffffffff1'),
    );
    const body = await client.take(Number(head.readBigUInt64BE(24)));
    expect(body.readUInt32BE(0)).toBe(22);
  }
});

async function expectFlushes(client: RawClient): Promise<void> {
  await expectAnswer(
    client,
    '21e41c71 0000 0003 c1c2c3c4c5c6c7c8 0000000000000000 0000000000000000',
    '6e8a278c 0001 0000 c1c2c3c4c5c6c7c8 0000000000000000 0000000000000000',
  );
}
