import { DIRTY_BITMAP_PREFIX } from '../../protocol/context-names.ts';
import { MetaContextReply, Option, OptionReplyType } from '../../protocol/handshake.ts';
import type { MetaContext } from '../meta-context.ts';
import type { Negotiation } from './negotiation.ts';
import type { OptionPayload } from './option-payload.ts';
import { invalidOption } from './option-refused.ts';

const WILDCARDS: readonly string[] = ['base:', 'qemu:', DIRTY_BITMAP_PREFIX];

/** LIST_META_CONTEXT and SET_META_CONTEXT. @throws OptionRefused */
export async function answerMetaContexts(
  negotiation: Negotiation,
  option: number,
  payload: OptionPayload,
): Promise<void> {
  const isSet = option === Option.SET_META_CONTEXT;
  if (isSet && !negotiation.isStructured) {
    throw invalidOption(
      "request option 'set meta context' when structured reply is not negotiated",
    );
  }
  if (isSet) negotiation.selected = undefined;
  const exported = negotiation.findExport(payload.exportName());
  const queries = readQueries(payload);
  const offered = await exported.contexts();
  const contexts = isSet
    ? offered.filter(({ name }) => queries.has(name))
    : offered.filter(({ name }) => isListed(name, queries));
  if (isSet) negotiation.selected = { exported, contexts };
  for (const context of contexts) {
    negotiation.reply(option, OptionReplyType.META_CONTEXT, ...describe(context, isSet));
  }
  negotiation.acknowledge(option);
}

function readQueries(payload: OptionPayload): ReadonlySet<string> {
  const queries = new Set<string>();
  // A count that the payload does not bear out ends with the payload.
  for (let left = payload.u32(); left > 0; left--) {
    const query = payload.query();
    if (query !== undefined) queries.add(query);
  }
  payload.end();
  return queries;
}

function isListed(name: string, queries: ReadonlySet<string>): boolean {
  if (queries.size === 0 || queries.has(name)) return true;
  return WILDCARDS.some((wildcard) => queries.has(wildcard) && name.startsWith(wildcard));
}

/** A list has no numbers: they are the session's. */
function describe({ id, name }: MetaContext, isSet: boolean): Uint8Array[] {
  return [MetaContextReply.encode({ id: isSet ? id : 0 }), Buffer.from(name)];
}
