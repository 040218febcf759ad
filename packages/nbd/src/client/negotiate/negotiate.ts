import { TidemarkError } from '@tidemark/core';
import {
  ClientFlags,
  Greeting,
  HandshakeFlag,
  INIT_MAGIC,
  OLD_STYLE_MAGIC,
  Option,
  OPTION_MAGIC,
  ServerFlags,
} from '../../protocol/handshake.ts';
import type { ClientTls } from '../../tls/client-tls.ts';
import { protocolError } from '../faults.ts';
import type { Transport } from '../transport.ts';
import { enterExport, type ExportInfo, goToExport, takeOnlyExport } from './choose-export.ts';
import { selectContexts } from './contexts.ts';
import { askOption } from './option-wire.ts';

/** What a client and a server have agreed on. */
export interface Session extends ExportInfo {
  /** Whether replies come in chunks. */
  readonly hasChunks: boolean;
  /** Whether headers have 64 bits for lengths; replies come in chunks then. */
  readonly isExtended: boolean;
  /** Number of each metadata context. */
  readonly contexts: ReadonlyMap<string, number>;
}

export interface Wishes {
  readonly exportName: string;
  readonly contexts: readonly string[];
  /** Nothing else is asked before. */
  readonly tls?: ClientTls;
}

/** What servers have that speak an older protocol. */
const SIMPLE = { hasChunks: false, isExtended: false, contexts: new Map() } as const;

/** proto.md, "Fixed newstyle negotiation", and what was before. @throws as `goToExport` */
export async function negotiate(transport: Transport, wishes: Wishes): Promise<Session> {
  const { negotiates, isFixed, withZeroes } = await greet(transport);
  const { exportName, tls } = wishes;
  if (!isFixed) {
    if (tls !== undefined) throw withoutTls('it speaks an older protocol');
    const info = negotiates
      ? await enterExport(transport, exportName, { withZeroes })
      : await takeOnlyExport(transport, exportName);
    return { ...info, ...SIMPLE };
  }
  if (tls !== undefined) await startTls(transport, tls);
  const { hasChunks, isExtended } = await agreeOnHeaders(transport);
  const contexts = hasChunks
    ? await selectContexts(transport, exportName, wishes.contexts)
    : new Map<string, number>();
  const info =
    (await goToExport(transport, exportName)) ??
    (await enterExport(transport, exportName, { withZeroes }));
  return { ...info, hasChunks, isExtended, contexts };
}

export interface Greeted {
  /** Else there is one export, which the server describes at once: it is old style. */
  readonly negotiates: boolean;
  /** Options have replies. */
  readonly isFixed: boolean;
  readonly withZeroes: boolean;
}

/** What the sides can do before anything is asked: whether options have replies, for one. */
export async function greet(transport: Transport): Promise<Greeted> {
  const { reader } = transport;
  const { initMagic, optionMagic } = Greeting.decode(await reader.take(Greeting.size));
  if (initMagic === INIT_MAGIC && optionMagic === OLD_STYLE_MAGIC) {
    return { negotiates: false, isFixed: false, withZeroes: true };
  }
  if (initMagic !== INIT_MAGIC || optionMagic !== OPTION_MAGIC) {
    throw protocolError('what listens there does not greet as an NBD server does');
  }
  const offered = ServerFlags.decode(await reader.take(ServerFlags.size)).flags;
  const { FIXED_NEWSTYLE, NO_ZEROES } = HandshakeFlag;
  const taken = offered & (FIXED_NEWSTYLE | NO_ZEROES);
  await transport.send(ClientFlags.encode({ flags: taken }));
  const isFixed = (taken & FIXED_NEWSTYLE) !== 0;
  return { negotiates: true, isFixed, withZeroes: (taken & NO_ZEROES) === 0 };
}

export async function startTls(transport: Transport, tls: ClientTls): Promise<void> {
  const { refusal } = await askOption(transport, Option.STARTTLS);
  if (refusal !== undefined) throw withoutTls(refusal.text);
  await transport.secure(tls);
}

/** The newest that the server knows. */
async function agreeOnHeaders(transport: Transport) {
  const longer = await askOption(transport, Option.EXTENDED_HEADERS);
  if (longer.refusal === undefined) return { hasChunks: true, isExtended: true };
  const chunks = await askOption(transport, Option.STRUCTURED_REPLY);
  return { hasChunks: chunks.refusal === undefined, isExtended: false };
}

function withoutTls(words: string): TidemarkError {
  const why = words === '' ? '' : `: ${words}`;
  return new TidemarkError('DEVICE_UNSUPPORTED', `the server does not speak TLS${why}`, {
    hint: 'set it up there, or use nbd:// or nbd+unix:// if nobody else can listen',
  });
}
