import { encode } from 'fast-png';
import { colourOf } from './colours.ts';
import type { Picture } from './picture.ts';

/** Pixels to a side of a cell. */
const CELL = 8;

/** The cells alone, a row below the other: a PNG has no place for words that a program could read. */
export function drawPng({ rows }: Picture): Uint8Array {
  const columns = Math.max(1, ...rows.map(({ dirty }) => dirty.length));
  const width = columns * CELL;
  const height = Math.max(1, rows.length) * CELL;
  const data = new Uint8Array(width * height * 3).fill(255);
  for (const [row, { dirty }] of rows.entries()) {
    for (const [column, part] of dirty.entries()) {
      const colour = colourOf(part);
      for (let y = 0; y < CELL; y++) {
        let at = ((row * CELL + y) * width + column * CELL) * 3;
        for (let x = 0; x < CELL; x++, at += 3) data.set(colour, at);
      }
    }
  }
  return encode({ width, height, data, channels: 3, depth: 8 });
}
