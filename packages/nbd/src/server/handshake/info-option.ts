import {
  InfoBlockSize,
  InfoExport,
  InfoType,
  Option,
  OptionReplyType,
} from '../../protocol/handshake.ts';
import type { ServedExport } from '../served-export.ts';
import type { Negotiation } from './negotiation.ts';
import type { OptionPayload } from './option-payload.ts';
import { OptionRefused } from './option-refused.ts';

/** An export, and what requests have to be multiples of. */
export interface Informed {
  readonly exported: ServedExport;
  readonly smallestBlock: number;
}

/** INFO and GO: what an export is. Replies, and returns the export. @throws OptionRefused */
export function answerInfo(
  negotiation: Negotiation,
  option: number,
  payload: OptionPayload,
): Informed {
  const name = payload.exportName();
  const wanted = new Set<number>();
  for (let left = payload.u16(); left > 0; left--) wanted.add(payload.u16());
  payload.end();
  const exported = negotiation.findExport(name);
  const inform = (...parts: readonly Uint8Array[]) =>
    negotiation.reply(option, OptionReplyType.INFO, ...parts);

  if (wanted.has(InfoType.NAME)) inform(typed(InfoType.NAME), name);
  if (exported.description !== undefined) {
    inform(typed(InfoType.DESCRIPTION), Buffer.from(exported.description));
  }
  const { blockSize, takesAnyBlock } = exported;
  const asks = wanted.has(InfoType.BLOCK_SIZE);
  const isFree = !asks && option === Option.GO && takesAnyBlock;
  const minimum = isFree ? 1 : blockSize.minimum;
  inform(InfoBlockSize.encode({ type: InfoType.BLOCK_SIZE, ...blockSize, minimum }));
  // A client that does not ask may send any offset and length. Who only looks is told so, as QEMU does.
  if (!asks && minimum > 1) {
    const text = `ask for block sizes: export '${exported.name}' takes whole blocks only`;
    throw new OptionRefused(OptionReplyType.BLOCK_SIZE_REQD, text);
  }
  const size = BigInt(exported.device.size);
  const flags = negotiation.flagsOf(exported, { isLook: option === Option.INFO });
  inform(InfoExport.encode({ type: InfoType.EXPORT, size, flags }));
  negotiation.acknowledge(option);
  return { exported, smallestBlock: minimum };
}

function typed(type: number): Uint8Array {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(type);
  return bytes;
}
