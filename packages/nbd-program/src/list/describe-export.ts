import { type ListedNbdExport, NbdExportFlag } from '@tidemark/nbd';

/** What each is called in a list, in the list's order. */
const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [NbdExportFlag.READ_ONLY, 'readonly'],
  [NbdExportFlag.FLUSH, 'flush'],
  [NbdExportFlag.FUA, 'fua'],
  [NbdExportFlag.ROTATIONAL, 'rotational'],
  [NbdExportFlag.TRIM, 'trim'],
  [NbdExportFlag.WRITE_ZEROES, 'zeroes'],
  [NbdExportFlag.DF, 'df'],
  [NbdExportFlag.MULTI_CONN, 'multi'],
  [NbdExportFlag.RESIZE, 'resize'],
  [NbdExportFlag.CACHE, 'cache'],
  [NbdExportFlag.FAST_ZERO, 'fast-zero'],
];

/** An export as `qemu-nbd -L` prints it. */
export function describeExport(exported: ListedNbdExport): string {
  const { name, description, size, flags, blockSize, contexts } = exported;
  const lines = [` export: '${name}'`];
  if (description !== undefined) lines.push(`  description: ${description}`);
  lines.push(`  size:  ${size}`, ...flagLines(flags));
  if (blockSize !== undefined) {
    lines.push(
      `  min block: ${blockSize.minimum}`,
      `  opt block: ${blockSize.preferred}`,
      `  max block: ${blockSize.maximum}`,
    );
  }
  if (contexts.length > 0) {
    lines.push(`  available meta contexts: ${contexts.length}`);
    lines.push(...contexts.map((context) => `   ${context}`));
  }
  return `${lines.join('\n')}\n`;
}

function flagLines(flags: number): readonly string[] {
  if ((flags & NbdExportFlag.HAS_FLAGS) === 0) return [];
  const names = FLAG_NAMES.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => `${name} `);
  return [`  flags: 0x${flags.toString(16)} ( ${names.join('')})`];
}
