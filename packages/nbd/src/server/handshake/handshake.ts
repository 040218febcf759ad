import { TidemarkError } from '@tidemark/core';
import {
  ClientFlags,
  EXPORT_NAME_ZEROES,
  ExportNameReply,
  Greeting,
  HandshakeFlag,
  INIT_MAGIC,
  Option,
  OPTION_MAGIC,
  ServerFlags,
  OptionHeader,
  OptionReplyType,
} from '../../protocol/handshake.ts';
import { MAX_OPTION_BYTES, MAX_STRING_BYTES } from '../../protocol/limits.ts';
import type { ServerTls } from '../../tls/server-tls.ts';
import type { ServedExport } from '../served-export.ts';
import type { HandshakeStream } from './handshake-stream.ts';
import { answerInfo } from './info-option.ts';
import { answerMetaContexts } from './meta-option.ts';
import { Negotiation, type Session } from './negotiation.ts';
import { OptionPayload } from './option-payload.ts';
import { invalidOption, optionName, OptionRefused } from './option-refused.ts';

interface Security {
  readonly tls?: ServerTls;
  /** Whether TLS is wanted and has not begun: nothing else is to be had before. */
  readonly isBare: boolean;
}

const OFFERED_FLAGS = HandshakeFlag.FIXED_NEWSTYLE | HandshakeFlag.NO_ZEROES;

/**
 * Fixed newstyle, as QEMU speaks it. Undefined: the client went without going on.
 * @throws PROTOCOL_ERROR, CONNECTION_LOST: the connection is of no more use
 */
export async function shakeHands(
  stream: HandshakeStream,
  exports: readonly ServedExport[],
  tls?: ServerTls,
): Promise<Session | undefined> {
  const greeting = Greeting.encode({ initMagic: INIT_MAGIC, optionMagic: OPTION_MAGIC });
  await stream.send(Buffer.concat([greeting, ServerFlags.encode({ flags: OFFERED_FLAGS })]));
  const { flags } = ClientFlags.decode(await stream.read(ClientFlags.size));
  if ((flags & ~OFFERED_FLAGS) !== 0) {
    throw protocolError(`unknown client flags 0x${flags.toString(16)}`);
  }
  const isFixed = (flags & HandshakeFlag.FIXED_NEWSTYLE) !== 0;
  const negotiation = new Negotiation(exports);
  for (;;) {
    const { option, length } = await readOption(stream);
    const isBare = tls !== undefined && !stream.isSecured;
    if (option === Option.EXPORT_NAME) {
      if (isBare) throw protocolError('an export by name before TLS');
      return acceptExportName(stream, negotiation, flags, length);
    }
    // Older clients know no replies to options.
    if (!isFixed) throw protocolError(`option ${option} without fixed newstyle`);
    if (isBare && option === Option.STARTTLS && length > 0) {
      throw protocolError('bytes between STARTTLS and TLS');
    }
    const payload = await stream.read(length);
    const session = await answer(negotiation, option, payload, { isBare, ...(tls && { tls }) });
    await stream.send(negotiation.takeReplies());
    if (isBare && option === Option.STARTTLS) await stream.secure(tls);
    if (session !== undefined) return session;
    if (option === Option.ABORT) return undefined;
  }
}

async function readOption(stream: HandshakeStream): Promise<{ option: number; length: number }> {
  const header = OptionHeader.decode(await stream.read(OptionHeader.size));
  if (header.magic !== OPTION_MAGIC) throw protocolError('wrong magic of an option');
  if (header.length > MAX_OPTION_BYTES) {
    throw protocolError(`option ${header.option} has ${header.length} bytes`);
  }
  return header;
}

async function answer(
  negotiation: Negotiation,
  option: number,
  bytes: Buffer,
  security: Security,
): Promise<Session | undefined> {
  try {
    if (security.isBare && option !== Option.ABORT && option !== Option.STARTTLS) {
      const text = `Option 0x${option.toString(16)} not permitted before TLS`;
      throw new OptionRefused(OptionReplyType.TLS_REQD, text);
    }
    return await answerOption(negotiation, option, bytes, security);
  } catch (error) {
    if (!(error instanceof OptionRefused)) throw error;
    negotiation.reply(option, error.replyType, Buffer.from(error.message));
    return undefined;
  }
}

async function answerOption(
  negotiation: Negotiation,
  option: number,
  bytes: Buffer,
  { tls, isBare }: Security,
): Promise<Session | undefined> {
  const payload = new OptionPayload(option, bytes);
  switch (option) {
    case Option.ABORT:
      negotiation.acknowledge(option);
      return undefined;
    case Option.LIST:
      payload.end();
      answerList(negotiation);
      return undefined;
    case Option.STARTTLS:
      payload.end();
      if (tls === undefined) throw new OptionRefused(OptionReplyType.POLICY, 'TLS not configured');
      if (!isBare) throw invalidOption('TLS already enabled');
      negotiation.acknowledge(option);
      return undefined;
    case Option.INFO:
      answerInfo(negotiation, option, payload);
      return undefined;
    case Option.GO:
      return negotiation.begin(answerInfo(negotiation, option, payload));
    case Option.STRUCTURED_REPLY:
    case Option.EXTENDED_HEADERS:
      payload.end();
      agreeOnHeaders(negotiation, option);
      return undefined;
    case Option.LIST_META_CONTEXT:
    case Option.SET_META_CONTEXT:
      await answerMetaContexts(negotiation, option, payload);
      return undefined;
    default: {
      const text = `Unsupported option ${option} (${optionName(option)})`;
      throw new OptionRefused(OptionReplyType.UNSUP, text);
    }
  }
}

/** Extended headers take the place of structured replies, in whatever order they are asked for. */
function agreeOnHeaders(negotiation: Negotiation, option: number): void {
  const isLonger = option === Option.EXTENDED_HEADERS;
  if (negotiation.isExtended) {
    const text = 'extended headers already negotiated';
    const { INVALID, EXT_HEADER_REQD } = OptionReplyType;
    throw new OptionRefused(isLonger ? INVALID : EXT_HEADER_REQD, text);
  }
  if (!isLonger && negotiation.isStructured) {
    throw invalidOption('structured reply already negotiated');
  }
  negotiation.isStructured = true;
  negotiation.isExtended = isLonger;
  negotiation.acknowledge(option);
}

function answerList(negotiation: Negotiation): void {
  for (const { name, description = '' } of negotiation.exports) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(name));
    const texts = Buffer.from(name + description);
    negotiation.reply(Option.LIST, OptionReplyType.SERVER, length, texts);
  }
  negotiation.acknowledge(Option.LIST);
}

/** There is no way to refuse but to hang up. */
async function acceptExportName(
  stream: HandshakeStream,
  negotiation: Negotiation,
  clientFlags: number,
  length: number,
): Promise<Session> {
  if (length > MAX_STRING_BYTES) throw protocolError(`an export name of ${length} bytes`);
  const exported = findNamed(negotiation, await stream.read(length));
  if (negotiation.isExtended) throw protocolError('an export by name after extended headers');
  if (!exported.takesAnyBlock) throw protocolError('an export of blocks by name');
  const session = negotiation.begin({ exported, smallestBlock: 1 });
  const zeroes = (clientFlags & HandshakeFlag.NO_ZEROES) === 0 ? EXPORT_NAME_ZEROES : 0;
  const reply = Buffer.alloc(ExportNameReply.size + zeroes);
  const flags = negotiation.flagsOf(exported);
  ExportNameReply.encode({ size: BigInt(session.size), flags }, reply);
  await stream.send(reply);
  return session;
}

function findNamed(negotiation: Negotiation, name: Buffer): ServedExport {
  try {
    return negotiation.findExport(name);
  } catch (error) {
    throw protocolError(error instanceof OptionRefused ? error.message : 'no export', error);
  }
}

function protocolError(text: string, cause?: unknown): TidemarkError {
  return new TidemarkError('PROTOCOL_ERROR', text, {}, cause);
}
