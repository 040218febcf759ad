import { Command } from '../protocol/transmission.ts';
import type { NbdRequest } from './encode-request.ts';
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
  readonly contextId: number;
  readonly contextIds: ReadonlySet<number>;
  /** Bytes of the whole device. */
  readonly size: number;
  /** Smallest block of the server, in bytes. */
  readonly block: number;
  /** Whether the server takes lengths of 64 bits. */
  readonly isExtended: boolean;
}

type Send = (request: NbdRequest, reply: StatusReply) => Promise<void>;

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
    const { start, extents } = await ask(send, range, at);
    let upTo = start;
    for (const { length, flags } of extents) {
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

async function ask(send: Send, range: StatusRange, at: number) {
  const { contextId, contextIds, size, block, isExtended } = range;
  const start = alignDown(at, block);
  const most = isExtended ? MAX_ASKED_EXTENDED : MAX_ASKED;
  const upTo = Math.min(start + most, alignUp(range.offset + range.length, block));
  const length = upTo - start;
  const room = size - start;
  const reply = new StatusReply({ offset: start, length, contextId, contextIds, room, isExtended });
  await send({ type: Command.BLOCK_STATUS, offset: start, length }, reply);
  return { start, extents: reply.extents() };
}
