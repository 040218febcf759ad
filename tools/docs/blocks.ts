/**
 * A fenced block of a page, or a comment `<!-- run … -->` or `<!-- ts … -->`, which a reader of the page does
 * not see: what is needed before the next block.
 */
export interface Block {
  /** The word behind the fence, or that of such a comment. */
  readonly lang: string;
  readonly isHidden: boolean;
  /** What stands behind that word: the path of a file that the block shows. */
  readonly path: string;
  readonly lines: readonly string[];
  /** Index of its first line in the page. */
  readonly start: number;
}

/** The blocks of a page, in order. Indented code is none of them; a test sees to it that there is none. */
export function blocksOf(markdown: string): readonly Block[] {
  const lines = markdown.split('\n');
  const blocks: Block[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const opening = openingOf(lines[index]!);
    if (opening === undefined) continue;
    const start = index + 1;
    const end = lines.findIndex((line, at) => at >= start && opening.end.test(line));
    if (end === -1) throw new Error(`line ${index + 1}: this block does not end`);
    blocks.push({ ...opening, lines: lines.slice(start, end), start });
    index = end;
  }
  return blocks;
}

function openingOf(
  line: string,
): (Pick<Block, 'lang' | 'path' | 'isHidden'> & { end: RegExp }) | undefined {
  const comment = /^<!-- (run|ts)$/.exec(line);
  if (comment !== null) return { lang: comment[1]!, path: '', isHidden: true, end: /^-->$/ };
  const fence = /^```(\S*) ?(.*)$/.exec(line);
  if (fence === null) return undefined;
  return { lang: fence[1]!, path: fence[2]!, isHidden: false, end: /^```$/ };
}
