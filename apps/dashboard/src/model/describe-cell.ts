import { formatDuration, formatBytes, formatOffset, formatShare } from './format.ts';
import { type Heat, secondsSince } from './heat.ts';

/**
 * The numbers of a cell as a sentence; `index` is a cell of the map, -1 where it is not known yet. Of
 * the bitmaps in `unknown`, which may have missed writes, nothing is said to be clean.
 */
export function describeCell(
  heat: Heat | undefined,
  index: number,
  { start, end }: { start: number; end: number },
  unknown: ReadonlySet<string>,
): string {
  const place = `${formatOffset(start)} to ${formatOffset(end)} (${formatBytes(end - start)})`;
  if (heat === undefined || index < 0) return `${place}: loading`;
  const dirty = [...heat.dirty]
    .filter(([name]) => !unknown.has(name))
    .map(([name, layer]) => `dirty in ${name} ${formatShare(layer[index] ?? 0, 255)}`);
  const allocated = heat.allocated[index] ?? 0;
  const known = heat.allocatedComplete || allocated > 0;
  return [
    place,
    ...dirty,
    ...[...unknown].map((name) => `${name}: not known`),
    known ? `allocated ${formatShare(allocated, 255)}` : 'allocated: not known',
    describeWritten(heat.written[index] ?? 0),
  ].join(', ');
}

export function describeWritten(written: number): string {
  if (written === 0) return 'not written lately';
  const seconds = secondsSince(written);
  return seconds < 3 ? 'written now' : `written about ${formatDuration(seconds)} ago`;
}
