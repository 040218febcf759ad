import type { BlockDevice } from '@tidemark/block';
import { throwIfCancelled } from '../cancel.ts';
import type { CopyRange } from './copy-ranges.ts';

/** Bytes of one read at most, and of each buffer. At least a granule. */
const PIECE_SIZE = 1024 * 1024;
/** Reads in flight: what a cold disk needs to be kept busy. */
const DEPTH = 16;

/** A piece of the drive in ascending order. `bytes` is good until the next piece is asked for. */
export interface Piece extends CopyRange {
  /** Content; absent where it is known to be zeros. */
  readonly bytes?: Uint8Array | undefined;
}

interface Pending extends CopyRange {
  readonly buffer?: Uint8Array;
  readonly read?: Promise<void>;
}

async function* pieces(ranges: AsyncIterable<CopyRange>): AsyncGenerator<CopyRange> {
  for await (const { offset, length, zero } of ranges) {
    const step = zero ? length : PIECE_SIZE;
    for (let at = 0; at < length; at += step) {
      yield { offset: offset + at, length: Math.min(step, length - at), zero };
    }
  }
}

function begin(source: BlockDevice, piece: CopyRange, buffers: Uint8Array[]): Pending {
  if (piece.zero) return piece;
  const buffer = buffers.pop() ?? Buffer.allocUnsafeSlow(PIECE_SIZE);
  const target = buffer.subarray(0, piece.length);
  // What is in memory costs a fraction so; what is not goes to other threads, many at a time.
  if (source.readNow?.(target, piece.offset) === true) return { ...piece, buffer };
  const read = source.read(target, piece.offset);
  // Failures are met in order; until then they must not count as unhandled.
  read.catch(() => {});
  return { ...piece, buffer, read };
}

/**
 * Reads ranges of a device with several reads in flight and gives them in order. When this ends,
 * also by a failure or an early exit, no read is in flight any more.
 * @throws CANCELLED, and what the device throws
 */
export async function* readAhead(
  source: BlockDevice,
  ranges: AsyncIterable<CopyRange>,
  signal?: AbortSignal,
): AsyncGenerator<Piece> {
  const upcoming = pieces(ranges);
  const queue: Pending[] = [];
  const buffers: Uint8Array[] = [];
  let more = true;
  try {
    for (;;) {
      while (more && queue.length < DEPTH) {
        throwIfCancelled(signal);
        const next = await upcoming.next();
        if (next.done === true) more = false;
        else queue.push(begin(source, next.value, buffers));
      }
      const head = queue[0];
      if (head === undefined) return;
      await head.read;
      throwIfCancelled(signal);
      const { offset, length, zero, buffer } = head;
      yield { offset, length, zero, bytes: buffer?.subarray(0, length) };
      queue.shift();
      if (buffer !== undefined) buffers.push(buffer);
    }
  } finally {
    await Promise.allSettled(queue.map(async (pending) => await pending.read));
    await upcoming.return(undefined);
  }
}
