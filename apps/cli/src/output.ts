import { fromSystemError } from '@tidemark/block';
import { exitCodeOf, printable, reportError } from '@tidemark/program';

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
    process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    return;
  }
  for (const line of text(value)) process.stdout.write(`${printable(line)}\n`);
}

/** Tells a user something on stderr that changes nothing about the result. */
export function notice(message: string): void {
  process.stderr.write(`tidemark: ${printable(message)}\n`);
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

/**
 * Ends the program where its output has nowhere to go. All that a command changes is durable
 * before it prints, so nothing is cut off.
 */
export function endOnOutputError(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has seen enough, as head(1) does.
    if (error.code === 'EPIPE') process.exit(0);
    const problem = fromSystemError(error, 'standard output');
    process.stderr.write(reportError(problem, { program: 'tidemark' }));
    process.exit(exitCodeOf(problem));
  });
}
