import { colourOf } from './colours.ts';
import type { Picture, PictureRow } from './picture.ts';

// From clean to all dirty; anything dirty shows, however little.
const SHADES = ['·', '░', '▒', '▓', '█'];
const RESET = '\u001b[0m';

/** Of `drawText`. */
export interface TextOptions {
  /** True colour, for a terminal that has it; otherwise characters of different darkness. */
  readonly colour: boolean;
}

/** A line for each row: label, cells, note. */
export function drawText({ rows }: Picture, { colour }: TextOptions): readonly string[] {
  const width = Math.max(0, ...rows.map(({ label }) => label.length));
  return rows.map(({ label, dirty, note }) => {
    const cells = colour ? drawCells(dirty) : shade(dirty);
    return `${label.padStart(width)}  ${cells}${note === undefined ? '' : `  ${note}`}`;
  });
}

/** Cells of characters alone. */
export function shade(dirty: PictureRow['dirty']): string {
  return Array.from(dirty, (part) => {
    const darkness = part <= 0 ? 0 : 1 + Math.floor(part * (SHADES.length - 2));
    return SHADES[darkness];
  }).join('');
}

function drawCells(dirty: PictureRow['dirty']): string {
  let text = '';
  let last = '';
  for (const part of dirty) {
    const [red, green, blue] = colourOf(part);
    const colour = `\u001b[48;2;${red};${green};${blue}m`;
    text += colour === last ? ' ' : `${colour} `;
    last = colour;
  }
  return text === '' ? '' : text + RESET;
}
