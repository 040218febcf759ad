import {
  isErrorReply,
  Option,
  OPTION_MAGIC,
  OPTION_REPLY_MAGIC,
  OptionHeader,
  OptionReply,
  OptionReplyType,
} from '../../protocol/handshake.ts';
import { MAX_OPTION_BYTES, MAX_STRING_BYTES } from '../../protocol/limits.ts';
import { protocolError, serverText } from '../faults.ts';
import type { Transport } from '../transport.ts';

// A string with a number or two before it is the longest that a client is ever told,
const MAX_PAYLOAD = MAX_STRING_BYTES + 16;
// but for a list, which has names and descriptions.
const MAX_LISTED = MAX_PAYLOAD + MAX_STRING_BYTES;

export interface Refusal {
  readonly type: number;
  /** The server's words; may be empty. */
  readonly text: string;
}

/** What came before the last reply, which was an acknowledgement, or a refusal. */
export interface Answer {
  readonly replies: readonly { readonly type: number; readonly payload: Uint8Array }[];
  readonly refusal?: Refusal;
}

/** Sends an option without waiting for anything. */
export async function sendOption(
  transport: Transport,
  option: number,
  payload: Uint8Array,
): Promise<void> {
  const header = { magic: OPTION_MAGIC, option, length: payload.length };
  await transport.send(OptionHeader.encode(header), payload);
}

/** Sends an option and takes the whole answer to it. @throws PROTOCOL_ERROR, CONNECTION_LOST */
export async function askOption(
  transport: Transport,
  option: number,
  payload: Uint8Array = new Uint8Array(0),
): Promise<Answer> {
  await sendOption(transport, option, payload);
  const replies: { type: number; payload: Uint8Array }[] = [];
  for (let size = 0; size <= MAX_OPTION_BYTES;) {
    const reply = await readReply(transport, option);
    if (isErrorReply(reply.type)) {
      return { replies, refusal: { type: reply.type, text: serverText(reply.payload) } };
    }
    if (reply.type === OptionReplyType.ACK) return { replies };
    replies.push(reply);
    size += OptionReply.size + reply.payload.length;
  }
  throw protocolError(`the answer to option ${nameOf(option)} has no end`);
}

async function readReply({ reader }: Transport, asked: number) {
  const header = OptionReply.decode(await reader.take(OptionReply.size));
  const { magic, option, type, length } = header;
  if (magic !== OPTION_REPLY_MAGIC) throw protocolError('an option reply has a wrong magic number');
  if (option !== asked) {
    throw protocolError(`option ${nameOf(asked)} was answered as if it were ${nameOf(option)}`);
  }
  const most = option === Option.LIST ? MAX_LISTED : MAX_PAYLOAD;
  if (length > (type === OptionReplyType.ACK ? 0 : most))
    throw protocolError(`a reply to option ${nameOf(option)} has ${length} bytes`);
  return { type, payload: await reader.take(length) };
}

function nameOf(option: number): string {
  return Object.entries(Option).find(([, value]) => value === option)?.[0] ?? String(option);
}
