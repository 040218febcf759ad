import { type Conversation, lastRequest, readable, requests, statuses } from './conversations.ts';
import { RawClient } from './raw-client.ts';
import {
  COMMAND,
  FLAG,
  infoPayload,
  metaPayload,
  OPTION,
  request,
  type RequestFields,
  u32,
} from './wire.ts';

const MIB = 2 ** 20;
const { READ, WRITE, DISC, FLUSH, TRIM, CACHE, WRITE_ZEROES, BLOCK_STATUS } = COMMAND;
const ALL_CONTEXTS = ['base:allocation', 'qemu:dirty-bitmap:first', 'qemu:dirty-bitmap:second'];

export const WRONG_REQUESTS: readonly RequestFields[] = [
  { type: READ, offset: MIB - 10, length: 20 },
  { type: READ, offset: 2n ** 64n - 1n, length: 1 },
  { type: READ, offset: 2n ** 53n + 1n, length: 1 },
  { type: READ, length: 1, flags: FLAG.FAST_ZERO },
  { type: READ, length: 2 ** 25 + 1 },
  { type: READ, length: 2 ** 25 },
  { type: WRITE, offset: MIB - 1, payload: Buffer.from('ab') },
  { type: WRITE, flags: 0x10, payload: Buffer.from('ab') },
  { type: TRIM, offset: MIB, length: 1 },
  { type: TRIM, length: 2 ** 32 - 1 },
  { type: WRITE_ZEROES, offset: MIB, length: 1 },
  { type: WRITE_ZEROES, length: 1, flags: FLAG.DF | FLAG.REQ_ONE },
  { type: FLUSH, offset: 2 ** 40 },
  { type: CACHE, length: 2 ** 25 + 1 },
  { type: CACHE, length: 1, flags: FLAG.DF },
  { type: BLOCK_STATUS, length: 512 },
  { type: BLOCK_STATUS, length: 0 },
  { type: BLOCK_STATUS, length: 512, flags: 0x20 },
  { type: 8 },
  { type: 42 },
  { type: 42, flags: 16 },
  { type: 42, offset: 2 ** 40 },
  { type: READ, length: 4, flags: 0xffff },
];

const RIGHT_REQUESTS: readonly RequestFields[] = [
  { type: READ, offset: 4096, length: 16 },
  { type: READ, offset: 4096, length: 16, flags: FLAG.FUA },
  { type: READ, length: 0 },
  { type: READ, offset: MIB, length: 0 },
  { type: CACHE, length: 512 },
  { type: CACHE, length: 0 },
  { type: FLUSH },
  { type: FLUSH, flags: FLAG.FUA },
  { type: FLUSH, offset: MIB },
];

export const CHANGES: readonly RequestFields[] = [
  { type: WRITE, offset: 512, payload: Buffer.from('written') },
  { type: WRITE, payload: Buffer.alloc(0) },
  { type: WRITE, offset: 70_000, payload: Buffer.alloc(70_000, 7), flags: FLAG.FUA },
  { type: WRITE_ZEROES, offset: 100, length: 100 },
  { type: WRITE_ZEROES, length: 0 },
  { type: WRITE_ZEROES, offset: 600, length: 4096, flags: FLAG.NO_HOLE | FLAG.FUA },
  { type: TRIM, length: 0 },
];

export const TRANSMISSIONS: Readonly<Record<string, Conversation>> = {
  'answers what is right, in structured replies': requests(
    true,
    ...RIGHT_REQUESTS,
    { type: READ, length: 200_000, flags: FLAG.DF },
    { type: READ, offset: 131_072, length: 500_000 },
  ),
  'answers what is right, in simple replies': requests(false, ...RIGHT_REQUESTS, {
    type: READ,
    length: 200_000,
  }),
  'refuses what is wrong, with a text': requests(true, ...WRONG_REQUESTS),
  'refuses what is wrong, in simple replies': requests(false, ...WRONG_REQUESTS, {
    type: READ,
    length: 4,
    flags: FLAG.DF,
  }),
  'hangs up on a wrong magic': lastRequest(true, { type: READ, length: 1, magic: 1 }),
  'hangs up on a wrong magic, in simple replies': lastRequest(false, { type: READ, magic: 1 }),
  'hangs up on a write that is too long': lastRequest(true, { type: WRITE, length: 2 ** 25 + 1 }),
  'hangs up on disconnect': lastRequest(true, { type: DISC }),
  'tells of allocation': statuses(
    ['base:allocation'],
    { type: BLOCK_STATUS, length: MIB },
    { type: BLOCK_STATUS, offset: 1000, length: 200_000 },
    { type: BLOCK_STATUS, length: MIB, flags: FLAG.REQ_ONE },
    { type: BLOCK_STATUS, length: 0 },
  ),
  'tells of all contexts in its own order': statuses(
    ALL_CONTEXTS.toReversed(),
    { type: BLOCK_STATUS, length: MIB },
    { type: BLOCK_STATUS, offset: 65_535, length: 2 },
    { type: BLOCK_STATUS, offset: 1000, length: 3000 },
    { type: BLOCK_STATUS, offset: 100_000, length: 900_000, flags: FLAG.REQ_ONE },
    { type: BLOCK_STATUS, length: 2 ** 32 - 1 },
  ),
  'forgets contexts when others are asked for in vain': async (path) => {
    const client = await RawClient.connect(path);
    client.send(u32(3));
    const transcript: string[][] = [];
    for (const [code, payload] of [
      [OPTION.STRUCTURED_REPLY],
      [OPTION.SET_META_CONTEXT, metaPayload('exp', 'base:allocation')],
      [OPTION.SET_META_CONTEXT, metaPayload('nope', 'base:allocation')],
      [OPTION.GO, infoPayload('exp')],
    ] as const) {
      transcript.push((await client.option(code, payload)).map(readable));
    }
    client.send(request({ type: BLOCK_STATUS, length: 512 }));
    transcript.push((await client.reply()).map(readable));
    client.close();
    return transcript;
  },
  'tells of the second bitmap alone': statuses(['qemu:dirty-bitmap:second'], {
    type: BLOCK_STATUS,
    length: MIB,
  }),
};
