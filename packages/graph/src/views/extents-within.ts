import type { BlockDevice, BlockExtent } from '@tidemark/block';

/** Bytes. */
interface Range {
  readonly offset: number;
  readonly length: number;
}

/**
 * Asks a device once, about all from the first of the ranges to the last one: an answer may come from
 * another process. @returns what is within a range; to be asked in ascending order
 */
export async function extentsWithin(
  device: BlockDevice,
  ranges: readonly Range[],
): Promise<(range: Range) => readonly BlockExtent[]> {
  const extents: BlockExtent[] = [];
  if (ranges.length > 0) {
    const { offset } = ranges[0]!;
    const length = endOf(ranges.at(-1)!) - offset;
    for await (const extent of device.extents(offset, length)) extents.push(extent);
  }
  let next = 0;
  return (range) => {
    const end = endOf(range);
    const found: BlockExtent[] = [];
    while (next < extents.length && endOf(extents[next]!) <= range.offset) next += 1;
    for (let at = next; at < extents.length && extents[at]!.offset < end; at++) {
      const offset = Math.max(extents[at]!.offset, range.offset);
      const length = Math.min(endOf(extents[at]!), end) - offset;
      found.push({ ...extents[at]!, offset, length });
    }
    return found;
  };
}

function endOf({ offset, length }: Range): number {
  return offset + length;
}
