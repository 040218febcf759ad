import { printable } from '@tidemark/program';
import { say } from './say.ts';

/** Where a command prints. One JSON value with `--json`, text for people without. */
export interface OutputFlags {
  readonly json?: boolean;
}

/** Prints a command's result: `value` as JSON, or the lines that `text` makes of it. */
export function print<T>(
  flags: OutputFlags,
  value: T,
  text: (value: T) => readonly string[],
): void {
  if (flags.json) {
    say(1, `${JSON.stringify(value, null, 2)}\n`);
    return;
  }
  const lines = text(value).map((line) => `${printable(line)}\n`);
  say(1, lines.join(''));
}

/** Tells a user something on stderr that changes nothing about the result. */
export function notice(message: string): void {
  say(2, `tidemark: ${printable(message)}\n`);
}

/** `1 restore point`, `2 restore points`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Rows as aligned columns; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join('  '),
  );
}
