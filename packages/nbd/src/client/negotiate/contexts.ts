import { MetaContextReply, Option, OptionReplyType } from '../../protocol/handshake.ts';
import { protocolError } from '../faults.ts';
import { MAX_STRING_BYTES } from '../../protocol/limits.ts';
import { lengthAndText, u32Bytes } from './payload.ts';
import { askOption } from './option-wire.ts';
import type { Transport } from '../transport.ts';

/** Contexts to ask for at once; more would not fit what servers take in one option. */
const MAX_QUERIES = 4096;

/** The names without repetition. @throws RangeError: too many, too long or empty */
export function checkContexts(names: readonly string[]): readonly string[] {
  const unique = [...new Set(names)];
  const isSound = (name: string) =>
    name !== '' && Buffer.byteLength(name) <= MAX_STRING_BYTES && !name.includes('\0');
  if (unique.length <= MAX_QUERIES && unique.every(isSound)) return unique;
  throw new RangeError(
    `at most ${MAX_QUERIES} metadata contexts of 1 to ${MAX_STRING_BYTES} bytes can be asked for`,
  );
}

/**
 * Asks for metadata contexts. A server may take some or none of them; which, and by which number,
 * is the result. @throws PROTOCOL_ERROR, CONNECTION_LOST
 */
export async function selectContexts(
  transport: Transport,
  exportName: string,
  queries: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const parts = [
    lengthAndText(exportName),
    u32Bytes(queries.length),
    ...queries.map(lengthAndText),
  ];
  const answer = await askOption(transport, Option.SET_META_CONTEXT, Buffer.concat(parts));
  const ids = new Map<string, number>();
  // A refusal takes back what was said before it; what is wrong with the export, GO will tell.
  if (answer.refusal !== undefined) return ids;
  for (const { type, payload } of answer.replies) {
    if (type !== OptionReplyType.META_CONTEXT) {
      throw protocolError(`a reply of type ${type} to the choice of metadata contexts`);
    }
    const { id } = MetaContextReply.decode(payload);
    const name = new TextDecoder().decode(payload.subarray(MetaContextReply.size));
    if (ids.has(name)) throw protocolError(`metadata context '${name}' is there twice`);
    ids.set(name, id);
  }
  if (new Set(ids.values()).size < ids.size) {
    throw protocolError('metadata contexts are not told apart by their numbers');
  }
  return ids;
}
