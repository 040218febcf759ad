import type { DirtyBitmap } from '@tidemark/core';
import { TidemarkError } from '@tidemark/core';
import type { BlockNode } from '@tidemark/graph';
import type { DriveMap, MapQuery } from '@tidemark/http';
import { allocatedCells } from './allocated-cells.ts';
import { dirtyCells } from './dirty-cells.ts';
import { cellsOf, rangesOf } from './map-cells.ts';
import { Slices } from './slices.ts';
import type { WriteHeat } from './write-heat.ts';
import { within } from './within.ts';

/** Milliseconds for bits that have to be read from disk first. */
const READ_MS = 2000;

/** @throws OUT_OF_RANGE */
export async function driveMap(
  node: BlockNode,
  heat: WriteHeat,
  query: MapQuery,
): Promise<DriveMap> {
  const { size } = node.device;
  const { offset, length = Math.max(0, size - offset), cells: most } = query;
  if (offset + length > size || offset > size) throw outside(node, { offset, length });
  const cells = cellsOf(offset, length, most);
  const slices = new Slices();
  const bitmaps: [string, string][] = [];
  for (const reader of node.tracked?.readers() ?? []) {
    const content = await within(READ_MS, () => reader.content());
    if (content === undefined) continue;
    bitmaps.push([
      reader.name,
      base64(await dirtyCells(content satisfies DirtyBitmap, cells, slices)),
    ]);
  }
  const { shares, isComplete } = await allocatedCells(node.device, cells, slices);
  heat.fit(size);
  return {
    offset,
    length,
    cellBytes: cells.cellBytes,
    cells: cells.count,
    bitmaps: Object.fromEntries(bitmaps),
    allocated: base64(shares),
    allocatedComplete: isComplete,
    written: base64(heat.shades(rangesOf(cells))),
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

function outside(
  { name, device }: BlockNode,
  { offset, length }: { readonly offset: number; readonly length: number },
): TidemarkError {
  const text = `${length} bytes at ${offset} are not within the ${device.size} bytes of '${name}'`;
  return new TidemarkError('OUT_OF_RANGE', text, { where: name, offset });
}
