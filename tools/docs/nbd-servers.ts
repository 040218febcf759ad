import { decode } from '../../packages/nbd/test/support/decode.ts';
import { RawClient } from '../../packages/nbd/test/support/raw-client.ts';
import {
  infoPayload,
  metaPayload,
  OPTION,
  request,
  type RequestFields,
  u32,
} from '../../packages/nbd/test/support/wire.ts';
import { Command, CommandFlag } from '../../packages/nbd/src/protocol/transmission.ts';

const EXTENDED_HEADERS = 11;
const UNSUPPORTED = 2 ** 31 + 1;
const ENOTSUP = 95;
const EINVAL = 22;

/** The payloads that options need to be answered, not refused for their form. */
const PAYLOADS: Readonly<Record<number, Buffer>> = {
  [OPTION.INFO]: infoPayload('exp'),
  [OPTION.GO]: infoPayload('exp'),
  [OPTION.LIST_META_CONTEXT]: metaPayload('exp'),
  [OPTION.SET_META_CONTEXT]: metaPayload('exp', 'base:allocation'),
};

async function shakeHands(path: string): Promise<RawClient> {
  const client = await RawClient.connect(path);
  client.send(u32(3));
  return client;
}

/** Whether a server knows an option: it is answered, whatever with, but as one that it does not know. */
export async function knowsOption(path: string, code: number): Promise<boolean> {
  const client = await shakeHands(path);
  try {
    if (code === OPTION.EXPORT_NAME) {
      client.send(Buffer.from('IHAVEOPT'), u32(code), u32(3), Buffer.from('exp'));
      return (await client.take(10)).length === 10;
    }
    if (code > OPTION.STRUCTURED_REPLY) await client.option(OPTION.STRUCTURED_REPLY);
    const last = (await client.option(code, PAYLOADS[code])).at(-1)!;
    return last !== 'end' && last.readUInt32BE(12) !== UNSUPPORTED;
  } finally {
    client.close();
  }
}

const LENGTH = 65_536;
const DATA: Partial<RequestFields> = { payload: Buffer.alloc(LENGTH, 7) };

/** Whether a server takes a command, or a flag of it. To say that it cannot be done so fast is to know it. */
export async function knowsCommand(path: string, type: number, flags = 0): Promise<boolean> {
  const client = await RawClient.enter(path, { contexts: ['base:allocation'] });
  try {
    const body = type === Command.WRITE ? DATA : { length: LENGTH };
    client.send(request({ type, flags, ...body }));
    if (type === Command.DISC) return (await client.rest()).length === 0;
    const read = { offset: 0, length: type === Command.READ ? LENGTH : 0 };
    const { errno } = decode(await client.reply(read.length), read);
    if (errno !== 0 && errno !== ENOTSUP && errno !== EINVAL) throw new Error(`errno ${errno}`);
    return errno !== EINVAL;
  } finally {
    client.close();
  }
}

/** The command that a flag is for. */
export const COMMAND_OF: Readonly<Record<string, number>> = {
  [CommandFlag.FUA]: Command.WRITE,
  [CommandFlag.NO_HOLE]: Command.WRITE_ZEROES,
  [CommandFlag.DF]: Command.READ,
  [CommandFlag.REQ_ONE]: Command.BLOCK_STATUS,
  [CommandFlag.FAST_ZERO]: Command.WRITE_ZEROES,
};

/** How a client came in. */
export interface Manner {
  readonly structured?: boolean;
  readonly extended?: boolean;
}

/** The flags of the export, as it is told to who came in so. */
export async function exportFlags(path: string, { structured, extended }: Manner): Promise<number> {
  const client = await shakeHands(path);
  if (structured) await client.option(OPTION.STRUCTURED_REPLY);
  if (extended) {
    await client.option(EXTENDED_HEADERS);
    await client.option(OPTION.SET_META_CONTEXT, PAYLOADS[OPTION.SET_META_CONTEXT]);
  }
  const replies = await client.option(OPTION.GO, infoPayload('exp'));
  client.close();
  for (const reply of replies) {
    // NBD_REP_INFO with NBD_INFO_EXPORT: size and flags.
    if (reply === 'end' || reply.readUInt32BE(12) !== 3 || reply.readUInt16BE(20) !== 0) continue;
    return reply.readUInt16BE(30);
  }
  throw new Error('there is no such export');
}

/** The contexts that a server lists. */
export async function contextsOf(path: string): Promise<readonly string[]> {
  const client = await shakeHands(path);
  await client.option(OPTION.STRUCTURED_REPLY);
  const replies = await client.option(OPTION.LIST_META_CONTEXT, metaPayload('exp'));
  client.close();
  return replies.flatMap((reply) =>
    reply !== 'end' && reply.readUInt32BE(12) === 4 ? [reply.subarray(24).toString()] : [],
  );
}
