import { colourOf } from './colours.ts';
import type { Picture, PictureRow } from './picture.ts';

/** Pixels. */
const CELL = 12;
const LINE = 16;
const MARGIN = 12;
const CHARACTER = 7.3;

/** A page of its own, which says in words what it shows. */
export function drawSvg({ title, description, rows }: Picture): string {
  const longest = (of: (row: PictureRow) => number) => Math.max(0, ...rows.map(of));
  const left = MARGIN + longest(({ label }) => label.length) * CHARACTER + 8;
  const right = left + longest(({ dirty }) => dirty.length) * CELL;
  const notes = longest(({ note = '' }) => note.length) * CHARACTER;
  const top = MARGIN + LINE + 8;
  const width = Math.ceil(Math.max(right + 8 + notes, title.length * CHARACTER) + MARGIN);
  const height = top + rows.length * LINE + MARGIN;
  const lines = rows.map((row, index) => drawRow(row, { left, right, top: top + index * LINE }));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title description">
<title id="title">${escape(title)}</title>
<desc id="description">${escape(description)}</desc>
<rect width="${width}" height="${height}" fill="#fff"/>
<g font-family="ui-monospace, monospace" font-size="12" fill="#1c2430">
<text x="${MARGIN}" y="${MARGIN + 12}" font-weight="bold">${escape(title)}</text>
${lines.join('\n')}
</g>
</svg>
`;
}

interface Place {
  readonly left: number;
  readonly right: number;
  readonly top: number;
}

/** Neighbours of one colour are one rectangle: a disk that is nearly clean makes a small file. */
function drawRow({ label, dirty, note }: PictureRow, { left, right, top }: Place): string {
  const parts = [`<text x="${left - 8}" y="${top + 11}" text-anchor="end">${escape(label)}</text>`];
  for (let from = 0; from < dirty.length;) {
    const fill = hex(dirty[from]!);
    let to = from + 1;
    while (to < dirty.length && hex(dirty[to]!) === fill) to += 1;
    const x = left + from * CELL;
    const w = (to - from) * CELL;
    parts.push(`<rect x="${x}" y="${top}" width="${w}" height="${LINE - 2}" fill="${fill}"/>`);
    from = to;
  }
  if (note !== undefined) {
    parts.push(`<text x="${right + 8}" y="${top + 11}">${escape(note)}</text>`);
  }
  return parts.join('');
}

function hex(dirty: number): string {
  const channels = colourOf(dirty).map((channel) => channel.toString(16).padStart(2, '0'));
  return `#${channels.join('')}`;
}

/** Names come out of image files: control characters, which XML cannot hold, are shown as one sign. */
function escape(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('"', '&quot;');
}
