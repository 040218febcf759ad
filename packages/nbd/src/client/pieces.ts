import type { BlockSize } from './negotiate/block-size.ts';

/** A part of a range. Bytes. */
export interface Piece {
  readonly offset: number;
  readonly length: number;
}

/** A part of a read: whole blocks, of which the caller wants some bytes. */
export interface ReadPiece extends Piece {
  readonly wanted: Piece;
}

/** The range in pieces of at most `most` bytes. */
export function* split(offset: number, length: number, most: number): Generator<Piece> {
  const end = offset + length;
  for (let at = offset; at < end; at += most)
    yield { offset: at, length: Math.min(most, end - at) };
}

/** The range in whole blocks; a block that the range only touches is a piece of its own. */
export function* splitRead(
  offset: number,
  length: number,
  { minimum, maximum }: BlockSize,
): Generator<ReadPiece> {
  const end = offset + length;
  for (let at = offset; at < end;) {
    const start = alignDown(at, minimum);
    const whole = alignDown(end, minimum) - start;
    const isPartial = start < at || whole === 0;
    const size = isPartial ? minimum : Math.min(maximum, whole);
    const upTo = Math.min(end, start + size);
    yield { offset: start, length: size, wanted: { offset: at, length: upTo - at } };
    at = upTo;
  }
}

export function alignDown(at: number, block: number): number {
  return at - (at % block);
}

export function alignUp(at: number, block: number): number {
  return alignDown(at + block - 1, block);
}
