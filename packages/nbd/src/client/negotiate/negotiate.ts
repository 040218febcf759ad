import { TidemarkError } from '@tidemark/core';
import {
  ClientFlags,
  Greeting,
  HandshakeFlag,
  INIT_MAGIC,
  Option,
  OPTION_MAGIC,
} from '../../protocol/handshake.ts';
import { protocolError } from '../faults.ts';
import type { Transport } from '../transport.ts';
import { enterExport, type ExportInfo, goToExport } from './choose-export.ts';
import { selectContexts } from './contexts.ts';
import { askOption } from './option-wire.ts';

/** What a client and a server have agreed on. */
export interface Session extends ExportInfo {
  /** Whether replies come in chunks. */
  readonly hasChunks: boolean;
  /** Number of each metadata context. */
  readonly contexts: ReadonlyMap<string, number>;
}

export interface Wishes {
  readonly exportName: string;
  readonly contexts: readonly string[];
}

/** The second magic number of servers that do not negotiate. */
const OLD_STYLE_MAGIC = 0x00420281861253n;

/** proto.md, "Fixed newstyle negotiation". @throws as `goToExport` */
export async function negotiate(transport: Transport, wishes: Wishes): Promise<Session> {
  const offered = await readGreeting(transport);
  const taken = offered & (HandshakeFlag.FIXED_NEWSTYLE | HandshakeFlag.NO_ZEROES);
  await transport.send(ClientFlags.encode({ flags: taken }));
  const withZeroes = (taken & HandshakeFlag.NO_ZEROES) === 0;
  const { exportName } = wishes;
  if ((taken & HandshakeFlag.FIXED_NEWSTYLE) === 0) {
    const info = await enterExport(transport, exportName, { withZeroes });
    return { ...info, hasChunks: false, contexts: new Map() };
  }
  const chunks = await askOption(transport, Option.STRUCTURED_REPLY);
  const hasChunks = chunks.refusal === undefined;
  const contexts = hasChunks
    ? await selectContexts(transport, exportName, wishes.contexts)
    : new Map<string, number>();
  const info =
    (await goToExport(transport, exportName)) ??
    (await enterExport(transport, exportName, { withZeroes }));
  return { ...info, hasChunks, contexts };
}

async function readGreeting({ reader }: Transport): Promise<number> {
  const greeting = await reader.take(Greeting.size);
  const { initMagic, optionMagic, flags } = Greeting.decode(greeting);
  if (initMagic === INIT_MAGIC && optionMagic === OLD_STYLE_MAGIC) {
    throw new TidemarkError(
      'DEVICE_UNSUPPORTED',
      'the server does not negotiate: it is old style',
      {
        hint: 'use a newer server',
      },
    );
  }
  if (initMagic !== INIT_MAGIC || optionMagic !== OPTION_MAGIC) {
    throw protocolError('what listens there does not greet as an NBD server does');
  }
  return flags;
}
