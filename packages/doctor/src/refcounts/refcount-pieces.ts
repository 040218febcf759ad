import { isZero } from '@tidemark/block';
import { PIECE } from '../layout/pieces.ts';
import { refcountReader } from './refcount-reader.ts';

/** Clusters of a run, and the refcount that all of them have; undefined: they have several. */
export interface RefcountPiece {
  /** Index of the first one in the block, and behind the last one. */
  readonly from: number;
  readonly to: number;
  readonly all: 0 | 1 | undefined;
}

/** A refcount block in memory. Most clusters are free, or are referred to once: so are whole pieces. */
export class RefcountBlock {
  readonly bytes: Uint8Array;
  /** Entry `index`. */
  readonly read: (index: number) => number;
  /** Clusters of a piece: at most as many as a chunk of a `ClusterCounter` has, and a part of that. */
  readonly #perPiece: number;
  readonly #ones: Uint8Array;

  /** `bytes` are filled anew for each block. */
  constructor(bytes: Uint8Array, bits: number) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.bytes = bytes;
    this.read = refcountReader(view, bits);
    this.#perPiece = (PIECE * 8) / bits;
    this.#ones = pieceOfOnes(bits);
  }

  /** The first `count` entries in pieces; the last one may be shorter, and is not told of as alike. */
  *pieces(count: number): Generator<RefcountPiece> {
    const step = this.#perPiece;
    for (let from = 0, at = 0; from < count; from += step, at += PIECE) {
      const to = Math.min(count, from + step);
      yield { from, to, all: to - from < step ? undefined : this.#valueOf(at) };
    }
  }

  #valueOf(at: number): 0 | 1 | undefined {
    const piece = this.bytes.subarray(at, at + PIECE);
    if (isZero(piece)) return 0;
    return Buffer.compare(piece, this.#ones) === 0 ? 1 : undefined;
  }
}

/** Entries narrower than a byte begin at its lowest bit, wider ones are big-endian. */
function pieceOfOnes(bits: number): Uint8Array {
  const piece = new Uint8Array(PIECE);
  if (bits < 8) return piece.fill(0xff / (2 ** bits - 1));
  for (let end = bits / 8; end <= PIECE; end += bits / 8) piece[end - 1] = 1;
  return piece;
}
