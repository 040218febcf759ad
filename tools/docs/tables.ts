import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './pages.ts';

export const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The cells of a table's rows, by the head of the table; what is code is without its marks. */
export function rowsOf(page: string, head: string): readonly string[][] {
  const table = page.slice(page.indexOf(`\n| ${head} |`) + 1).split('\n\n')[0]!;
  return table
    .split('\n')
    .slice(2)
    .map((row) => row.split(' | ').map((cell) => cell.replaceAll(/^\| |`|\|/g, '').trim()));
}
