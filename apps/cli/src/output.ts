/** Where a command prints. One JSON value with `--json`, text for people without. */
export interface OutputFlags {
  readonly json: boolean;
}

/** Prints a command's result: `value` as JSON, or the lines that `text` makes of it. */
export function print<T>(flags: OutputFlags, value: T, text: (value: T) => readonly string[]): void {
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    return;
  }
  for (const line of text(value)) process.stdout.write(`${line}\n`);
}

/** Tells a user something on stderr that changes nothing about the result. */
export function notice(message: string): void {
  process.stderr.write(`tidemark: ${message}\n`);
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
