import { writeFileSync } from 'node:fs';
import { fromSystemError } from '@tidemark/block';
import { drawPng, drawSvg, drawText, type Picture } from '@tidemark/picture';
import { formatSize, printable } from '@tidemark/program';
import { say } from '../say.ts';
import type { PictureFlags } from './flags.ts';

/** Bits of colour that a terminal needs for shades that can be told apart. */
const TRUE_COLOUR = 24;

/** Draws on stdout; into files, and then nothing on stdout, where files are named. */
export function showPicture(picture: Picture, { svg, png, colour, json }: PictureFlags): void {
  if (svg !== undefined) save(svg, drawSvg(picture));
  if (png !== undefined) save(png, drawPng(picture));
  if (svg !== undefined || png !== undefined) return;
  if (json) {
    const rows = picture.rows.map((row) => ({ ...row, dirty: [...row.dirty] }));
    say(1, `${JSON.stringify({ ...picture, rows }, null, 2)}\n`);
    return;
  }
  const isColoured = colour === 'always' || (colour !== 'never' && hasColours());
  const plain = {
    ...picture,
    rows: picture.rows.map((row) => ({ ...row, label: printable(row.label) })),
  };
  const legend = `a cell is ${formatSize(picture.cellSize)}`;
  const lines = [printable(picture.title), ...drawText(plain, { colour: isColoured }), legend];
  say(1, `${lines.join('\n')}\n`);
}

function hasColours(): boolean {
  return process.stdout.isTTY && process.stdout.getColorDepth() >= TRUE_COLOUR;
}

function save(path: string, content: string | Uint8Array): void {
  try {
    writeFileSync(path, content);
  } catch (error) {
    throw fromSystemError(error, path);
  }
}
