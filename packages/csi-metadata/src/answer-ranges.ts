import { once } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { SnapshotError, type SnapshotRange, type SnapshotRanges } from './snapshot-source.ts';

/** Of either call. */
export interface RangesRequest {
  /** An int64, as text. */
  readonly starting_offset: string;
  readonly max_results: number;
}

export interface RangesResponse {
  readonly block_metadata_type: 'VARIABLE_LENGTH';
  readonly volume_capacity_bytes: string;
  readonly block_metadata: readonly {
    readonly byte_offset: string;
    readonly size_bytes: string;
  }[];
}

/** Ranges in one message, however many a client would take. */
const MOST = 4096;
/** Where it does not say. */
const USUAL = 1024;

/**
 * Sends ranges from where the client wants them, as fast as it takes them, until it leaves. Also where
 * there are none: that message tells how large the volume is. @throws SnapshotError; as the ranges
 */
export async function answerRanges(
  call: ServerWritableStream<RangesRequest, RangesResponse>,
  find: () => Promise<SnapshotRanges>,
): Promise<void> {
  const left = new AbortController();
  call.once('cancelled', () => left.abort());
  const { offset, most } = placeOf(call.request);
  const ranges = await find();
  if (offset > ranges.size) {
    const text = `the starting offset lies behind the ${ranges.size} bytes of the volume`;
    throw new SnapshotError('OUT_OF_RANGE', text);
  }
  for await (const list of listsOf(ranges.from(offset), most)) {
    if (left.signal.aborted || call.cancelled) return;
    const takesMore = call.write(messageOf(list, ranges.size));
    if (takesMore) continue;
    await once(call, 'drain', { signal: left.signal }).catch((error: unknown) => {
      if (!left.signal.aborted) throw error;
    });
  }
  call.end();
}

function placeOf({ starting_offset: start, max_results: max }: RangesRequest) {
  const offset = Number(start);
  if (offset < 0) throw new SnapshotError('INVALID_ARGUMENT', 'the starting offset is negative');
  if (max < 0) throw new SnapshotError('INVALID_ARGUMENT', 'max_results is negative');
  return { offset, most: max === 0 ? USUAL : Math.min(max, MOST) };
}

async function* listsOf(
  ranges: AsyncIterable<SnapshotRange>,
  most: number,
): AsyncGenerator<readonly SnapshotRange[]> {
  let list: SnapshotRange[] = [];
  let isFirst = true;
  for await (const range of ranges) {
    list.push(range);
    if (list.length < most) continue;
    yield list;
    isFirst = false;
    list = [];
  }
  if (isFirst || list.length > 0) yield list;
}

function messageOf(list: readonly SnapshotRange[], size: number): RangesResponse {
  return {
    block_metadata_type: 'VARIABLE_LENGTH',
    volume_capacity_bytes: String(size),
    block_metadata: list.map(({ offset, length }) => {
      return { byte_offset: String(offset), size_bytes: String(length) };
    }),
  };
}
