import { run } from '../../../../tools/qemu.ts';
import type { LayerExtent } from '../../src/index.ts';

/** An extent as `qemu-img map` prints it. */
export interface QemuExtent {
  readonly start: number;
  readonly length: number;
  readonly depth: number;
  readonly present: boolean;
  readonly zero: boolean;
  readonly data: boolean;
  readonly offset?: number;
}

/** What QEMU says of an image and of all that stands behind it. */
export async function qemuMap(path: string): Promise<QemuExtent[]> {
  return JSON.parse(await run('qemu-img', 'map', '--output=json', path)) as QemuExtent[];
}

/** The same of ours. */
export async function mapLike(extents: AsyncIterable<LayerExtent>): Promise<QemuExtent[]> {
  const found: QemuExtent[] = [];
  for await (const { offset: start, length, depth, present, zero, data, host } of extents) {
    const place = host !== undefined && { offset: host };
    found.push({ start, length, depth, present, zero, data, ...place });
  }
  return joined(found);
}

/** Neighbours that only `compressed` tells apart. */
function joined(extents: readonly QemuExtent[]): QemuExtent[] {
  const result: QemuExtent[] = [];
  for (const extent of extents) {
    const { start, length, ...rest } = extent;
    const last = result.at(-1);
    const isAlike =
      last !== undefined &&
      last.offset === undefined &&
      JSON.stringify({ ...last, start: 0, length: 0 }) ===
        JSON.stringify({ start: 0, length: 0, ...rest });
    if (isAlike) result[result.length - 1] = { ...last, length: last.length + length };
    else result.push(extent);
  }
  return result;
}
