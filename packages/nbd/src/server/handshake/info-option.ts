import { InfoBlockSize, InfoExport, InfoType, OptionReplyType } from '../../protocol/handshake.ts';
import { MAX_REQUEST_BYTES } from '../../protocol/limits.ts';
import type { ServedExport } from '../served-export.ts';
import type { Negotiation } from './negotiation.ts';
import type { OptionPayload } from './option-payload.ts';

// Any offset and length will do; pages are what file systems and devices like best.
const BLOCK_SIZES = { minimum: 1, preferred: 4096, maximum: MAX_REQUEST_BYTES } as const;

/** INFO and GO: what an export is. Replies, and returns the export. @throws OptionRefused */
export function answerInfo(
  negotiation: Negotiation,
  option: number,
  payload: OptionPayload,
): ServedExport {
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
  inform(InfoBlockSize.encode({ type: InfoType.BLOCK_SIZE, ...BLOCK_SIZES }));
  const size = BigInt(exported.device.size);
  const flags = exported.flags(negotiation.isStructured);
  inform(InfoExport.encode({ type: InfoType.EXPORT, size, flags }));
  negotiation.acknowledge(option);
  return exported;
}

function typed(type: number): Uint8Array {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(type);
  return bytes;
}
