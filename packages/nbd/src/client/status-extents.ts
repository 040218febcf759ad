import { Command, ExportFlag, StatusQuery } from '../protocol/transmission.ts';
import type { NbdRequest } from './encode-request.ts';
import type { Ask } from './link/link.ts';
import type { Session } from './negotiate/negotiate.ts';
import { u32Bytes } from './negotiate/payload.ts';
import { alignDown, alignUp } from './pieces.ts';
import { StatusReply } from './replies/status-reply.ts';

/** A run of one metadata context. Bytes. */
export interface ContextExtent {
  readonly offset: number;
  readonly length: number;
  /** What they mean is the context's own: `qemu:dirty-bitmap:` has 1 for dirty. */
  readonly flags: number;
}

export interface StatusRange {
  readonly offset: number;
  readonly length: number;
  /** Name of the context. */
  readonly context: string;
  /** Bytes of the whole device. */
  readonly size: number;
  /** Smallest block of the server, in bytes. */
  readonly block: number;
}

type Send = (ask: Ask<StatusReply>) => Promise<StatusReply>;

// The field holds 4 GiB; a server that must look at each byte should not have to at a stretch.
const MAX_ASKED = 1024 ** 3;
/** With lengths of 64 bits. Servers answer for as much of it as they like. */
const MAX_ASKED_EXTENDED = 1024 ** 4;

/** The range in order, without gaps, neighbours of equal flags merged. */
export async function* statusExtents(
  send: Send,
  range: StatusRange,
): AsyncGenerator<ContextExtent> {
  const end = range.offset + range.length;
  let run: ContextExtent | undefined;
  for (let at = range.offset; at < end;) {
    const start = alignDown(at, range.block);
    const reply = await send((session) => ask(session, range, start));
    let upTo = start;
    for (const { length, flags } of reply.extents()) {
      const from = Math.max(at, upTo);
      upTo += length;
      const to = Math.min(end, upTo);
      if (to <= from) continue;
      if (run?.flags === flags) run = { ...run, length: to - run.offset };
      else {
        if (run !== undefined) yield run;
        run = { offset: from, length: to - from, flags };
      }
    }
    at = Math.min(end, upTo);
  }
  if (run !== undefined) yield run;
}

function ask(session: Session, range: StatusRange, start: number) {
  const { context, size, block } = range;
  const { contexts, isExtended } = session;
  const contextId = contexts.get(context)!;
  const most = isExtended ? MAX_ASKED_EXTENDED : MAX_ASKED;
  const upTo = Math.min(start + most, alignUp(range.offset + range.length, block));
  const length = upTo - start;
  const room = size - start;
  const isFiltered = contexts.size > 1 && (session.flags & ExportFlag.BLOCK_STATUS_PAYLOAD) !== 0;
  const contextIds = new Set(isFiltered ? [contextId] : contexts.values());
  const whole: NbdRequest = { type: Command.BLOCK_STATUS, offset: start, length };
  return {
    request: isFiltered ? filtered(whole, length, contextId) : whole,
    reply: new StatusReply({ offset: start, length, contextId, contextIds, room, isExtended }),
  };
}

/** Asks for one of the contexts alone. */
function filtered(request: NbdRequest, length: number, contextId: number): NbdRequest {
  const head = StatusQuery.encode({ length: BigInt(length) });
  const payload = Buffer.concat([head, u32Bytes(contextId)]);
  return { ...request, length: payload.length, payload };
}
