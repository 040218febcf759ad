import { isTidemarkError } from '@tidemark/core';
import { BASE_ALLOCATION } from '../../protocol/context-names.ts';
import { errnoOf, NbdErrno } from '../../protocol/errors.ts';
import { Command, CommandFlag } from '../../protocol/transmission.ts';
import type { BufferPool } from '../buffer-pool.ts';
import { collectRuns } from '../collect-runs.ts';
import type { Session } from '../handshake/negotiation.ts';
import type { KnownData } from '../known-data.ts';
import type { StatusRun } from '../meta-context.ts';
import { findFault } from './check-request.ts';
import { doneReply, errorChunk, simpleReply, statusChunk } from './replies.ts';
import type { NbdRequest } from './request.ts';
import { serveRead } from './serve-read.ts';

// Of all contexts of an answer. More would keep other clients waiting; a client asks on from where
// the answer ends.
const MAX_RUNS = 16_384;

/** Bytes that are read at once for a client that does not want them yet. */
const READ_AHEAD = 1024 * 1024;

const WHAT_FAILED: Readonly<Record<number, string>> = {
  [Command.READ]: 'reading from file failed',
  [Command.FLUSH]: 'flush failed',
  [Command.TRIM]: 'discard failed',
  [Command.BLOCK_STATUS]: 'block status failed',
  [Command.CACHE]: 'reading from file failed',
};

export interface ServeOptions {
  readonly session: Session;
  /** For data; the parts of a reply go back to it once they are sent. */
  readonly pool: BufferPool;
  /** Told what the device or a bitmap said. */
  readonly onFailure: (error: unknown) => void;
}

/** Does what a request asks for. Resolves to the reply, of success or failure; never rejects. */
export async function serveRequest(
  request: NbdRequest,
  { session, pool, onFailure }: ServeOptions,
): Promise<readonly Uint8Array[]> {
  const fault = findFault(request, session);
  if (fault !== undefined) return [errorReply(request, session, NbdErrno.EINVAL, fault)];
  try {
    return await perform(request, session, pool);
  } catch (error) {
    onFailure(error);
    return [errorReply(request, session, errnoOf(error), textFor(error, request.type))];
  }
}

async function perform(
  request: NbdRequest,
  session: Session,
  pool: BufferPool,
): Promise<readonly Uint8Array[]> {
  switch (request.type) {
    case Command.READ:
      return serveRead(request, session, pool);
    case Command.BLOCK_STATUS:
      return serveBlockStatus(request, session);
    case Command.CACHE:
      await readAhead(request, session, pool);
      return [doneReply(request)];
    default:
      await change(request, session);
      return [doneReply(request)];
  }
}

/** Reads for the sake of the caches on the way: that of the system, or of a server further on. */
async function readAhead(
  { offset, length }: NbdRequest,
  { exported }: Session,
  pool: BufferPool,
): Promise<void> {
  const bytes = pool.take(Math.min(length, READ_AHEAD));
  try {
    for (let done = 0; done < length; done += bytes.length) {
      const part = bytes.subarray(0, Math.min(bytes.length, length - done));
      await exported.device.read(part, offset + done);
    }
  } finally {
    pool.release(bytes);
  }
}

async function change(request: NbdRequest, session: Session): Promise<void> {
  const { device, knownData, discards } = session.exported;
  const { type, offset, length, flags, payload } = request;
  if (type === Command.WRITE && length > 0) await device.write(payload, offset);
  if (type === Command.TRIM || type === Command.WRITE_ZEROES) knownData.forget();
  if (type === Command.TRIM && length > 0 && discards) await device.discard(offset, length);
  if (type === Command.WRITE_ZEROES && length > 0) {
    const unmap = discards && (flags & CommandFlag.NO_HOLE) === 0;
    const fast = (flags & CommandFlag.FAST_ZERO) !== 0;
    await device.writeZeroes(offset, length, { unmap, fast });
  }
  if (type === Command.FLUSH || (flags & CommandFlag.FUA) !== 0) await device.flush();
}

async function serveBlockStatus(request: NbdRequest, session: Session): Promise<Uint8Array[]> {
  const { offset, length, flags, contextIds } = request;
  const contexts = session.contexts.filter(({ id }) => contextIds?.includes(id) ?? true);
  const share = Math.max(1, Math.floor(MAX_RUNS / contexts.length));
  const limit = (flags & CommandFlag.REQ_ONE) === 0 ? share : 1;
  const chunks: Uint8Array[] = [];
  for (const [index, context] of contexts.entries()) {
    const runs = await collectRuns(context, { offset, length, limit });
    if (context.name === BASE_ALLOCATION) noteData(session.exported.knownData, offset, runs);
    const isLast = index === contexts.length - 1;
    chunks.push(statusChunk(request, context.id, runs, { isLast }));
  }
  return chunks;
}

/** Who asks where the data is comes to read it next: that is not looked for again. */
function noteData(known: KnownData, offset: number, runs: readonly StatusRun[]): void {
  let at = offset;
  for (const { length, flags } of runs) {
    if (flags === 0) known.add(at, length);
    at += length;
  }
}

/** Simple replies have no room for a text. */
function errorReply(
  request: NbdRequest,
  session: Session,
  errno: number,
  text: string,
): Uint8Array {
  session.exported.counters.countError(request.type);
  return session.isStructured ? errorChunk(request, errno, text) : simpleReply(request, errno);
}

/** A device's own message names a path, which is none of the client's business. */
function textFor(error: unknown, type: number): string {
  if (isTidemarkError(error) && error.code.startsWith('BITMAP_')) return error.message;
  return WHAT_FAILED[type] ?? 'writing to file failed';
}
