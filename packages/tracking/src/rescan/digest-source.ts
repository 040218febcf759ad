/** Neighbouring granules of one kind. */
export interface DigestRun {
  readonly kind: 'data' | 'zero';
  /** Number of the first granule. */
  readonly first: number;
  readonly count: number;
  /** Of each granule of data in turn; empty for zeros. */
  readonly digests: Uint8Array;
}

/** What a drive held at the instant that a checkpoint names: a backup has it. */
export interface DigestSource {
  /** 32 hexadecimal digits; becomes the bitmap's. It has to be that of the runs, and no other. */
  readonly checkpoint: string;
  /** Bytes of the drive. */
  readonly size: number;
  /** Bytes of a granule; the last one may be shorter. */
  readonly granularity: number;
  /** Bytes of a digest. */
  readonly digestSize: number;
  digest(content: Uint8Array): Uint8Array;
  /** The whole drive in order, without gaps. What it throws takes back all that it said before. */
  runs(): AsyncIterable<DigestRun>;
}

/** A part of the drive to look at. Bytes; whole granules, but for the drive's end. */
export interface Piece {
  readonly offset: number;
  readonly length: number;
  /** Absent: it was zeros. */
  readonly digests?: Uint8Array;
}

/** Bytes of data in a piece at most; at least a granule. */
export const PIECE_SIZE = 1024 * 1024;
/** Of zeros, which may be known without a read. */
const ZERO_SIZE = 1024 * 1024 * 1024;

/** What the source said cannot be relied on, be it said already. */
export class DigestsFailed extends Error {
  override readonly name = 'DigestsFailed';
}

/** @throws DigestsFailed, for whatever the source throws and for runs that are not the drive's */
export async function* cutPieces(source: DigestSource): AsyncGenerator<Piece, void, undefined> {
  try {
    yield* checkedPieces(source);
  } catch (cause) {
    throw new DigestsFailed('the digests cannot be relied on', { cause });
  }
}

async function* checkedPieces(source: DigestSource): AsyncGenerator<Piece, void, undefined> {
  const { size, granularity, digestSize } = source;
  const total = Math.ceil(size / granularity);
  let next = 0;
  for await (const run of source.runs()) {
    const { kind, first, count, digests } = run;
    const isWhole = digests.length === (kind === 'data' ? count * digestSize : 0);
    const isNext = first === next && Number.isInteger(count) && count > 0 && first + count <= total;
    if (!isNext || !isWhole) throw new RangeError(`a run of ${count} granules at ${first}`);
    yield* piecesOf(run, source);
    next += count;
  }
  if (next !== total) throw new RangeError(`${next} granules of ${total}`);
}

function* piecesOf(
  { kind, first, count, digests }: DigestRun,
  { size, granularity, digestSize }: DigestSource,
): Generator<Piece, void, undefined> {
  const most = kind === 'data' ? PIECE_SIZE : ZERO_SIZE;
  const step = Math.max(1, Math.floor(most / granularity));
  for (let done = 0; done < count; done += step) {
    const offset = (first + done) * granularity;
    const end = Math.min(size, (first + Math.min(count, done + step)) * granularity);
    const own = digests.subarray(done * digestSize, (done + step) * digestSize);
    yield { offset, length: end - offset, ...(kind === 'data' && { digests: own }) };
  }
}
