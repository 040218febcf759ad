import { OptionReply, OptionReplyType, OPTION_REPLY_MAGIC } from '../../protocol/handshake.ts';
import type { MetaContext } from '../meta-context.ts';
import type { ServedExport } from '../served-export.ts';
import { OptionRefused } from './option-refused.ts';

/** What client and server agreed on. */
export interface Session {
  readonly exported: ServedExport;
  /** Bytes, as the client was told. */
  readonly size: number;
  /** Bytes: what requests have to be multiples of. */
  readonly smallestBlock: number;
  /** Whether replies may come in chunks; always with extended headers. */
  readonly isStructured: boolean;
  /** Whether headers have 64 bits for lengths. */
  readonly isExtended: boolean;
  /** Those that the client chose, in the order of replies. */
  readonly contexts: readonly MetaContext[];
}

/** The state of a negotiation and the replies to the option at hand. */
export class Negotiation {
  readonly exports: readonly ServedExport[];
  isStructured = false;
  isExtended = false;
  /** Of one export; void when the client goes on with another. */
  selected:
    | { readonly exported: ServedExport; readonly contexts: readonly MetaContext[] }
    | undefined;
  #replies: Uint8Array[] = [];

  constructor(exports: readonly ServedExport[]) {
    this.exports = exports;
  }

  /** @throws OptionRefused UNKNOWN */
  findExport(name: Buffer): ServedExport {
    const exported = this.exports.find((candidate) => name.equals(Buffer.from(candidate.name)));
    if (exported !== undefined) return exported;
    throw new OptionRefused(OptionReplyType.UNKNOWN, `export '${shorten(name)}' not present`);
  }

  reply(option: number, type: number, ...payload: readonly Uint8Array[]): void {
    const length = payload.reduce((sum, part) => sum + part.length, 0);
    this.#replies.push(
      OptionReply.encode({ magic: OPTION_REPLY_MAGIC, option, type, length }),
      ...payload,
    );
  }

  acknowledge(option: number): void {
    this.reply(option, OptionReplyType.ACK);
  }

  /** What goes out now. */
  takeReplies(): Buffer {
    const bytes = Buffer.concat(this.#replies);
    this.#replies = [];
    return bytes;
  }

  /** Those that the client has chosen of this export. */
  contextsOf(exported: ServedExport): readonly MetaContext[] {
    return this.selected?.exported === exported ? this.selected.contexts : [];
  }

  /**
   * What the client is told of the export, as far as it has been agreed on. Who only looks is told what
   * there would be with contexts, as QEMU does: nbdinfo asks before it chooses any.
   */
  flagsOf(exported: ServedExport, { isLook = false } = {}): number {
    const { isStructured, isExtended } = this;
    const hasContexts = isLook || this.contextsOf(exported).length > 0;
    return exported.flags({ isStructured, canFilter: isExtended && hasContexts });
  }

  begin({ exported, smallestBlock }: Pick<Session, 'exported' | 'smallestBlock'>): Session {
    const { isStructured, isExtended } = this;
    const contexts = this.contextsOf(exported);
    const { size } = exported.device;
    return { exported, size, smallestBlock, isStructured, isExtended, contexts };
  }
}

// As QEMU does: a name is the client's, and may be of any kind and length.
const SHOWN_BYTES = 80;

function shorten(name: Buffer): string {
  if (name.length < SHOWN_BYTES) return name.toString();
  return `${name.subarray(0, SHOWN_BYTES).toString()}...`;
}
