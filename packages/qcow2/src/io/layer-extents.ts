import type { BlockDevice } from '@tidemark/block';
import type { ImageState } from '../image-state.ts';
import type { Run } from '../mapping/cluster-map.ts';
import type { BackingFile } from './backing-file.ts';

/** A run of the disk that one file of a backing chain decides. Bytes. */
export interface LayerExtent {
  readonly offset: number;
  readonly length: number;
  /** Which file: 0 is the image itself, 1 its backing file, and so on. */
  readonly depth: number;
  /** That file says what is there; else nothing does, and it reads as zeros. */
  readonly present: boolean;
  /** Reads as zeros, known without reading. */
  readonly zero: boolean;
  /** Its bytes lie in that file. */
  readonly data: boolean;
  readonly compressed: boolean;
  /** Where they lie there, or are kept free for it. Absent: nowhere, or compressed. */
  readonly host?: number;
}

/** A device that knows its layers: what stands behind another image. */
interface Layered {
  layerExtents(offset: number, length: number): AsyncIterable<LayerExtent>;
}

/** Which layer decides each part of the disk, as `qemu-img map` tells it. */
export async function* layerExtents(
  state: ImageState,
  backing: BackingFile,
  { offset, length }: { readonly offset: number; readonly length: number },
): AsyncGenerator<LayerExtent> {
  const end = offset + length;
  for (let at = offset; at < end;) {
    const run = await state.map.atRun(at, end - at, (found) => found);
    if (run.mapping.kind === 'unallocated') yield* below(backing, run, at);
    else yield ownExtent(run, at);
    at += run.length;
  }
}

function ownExtent({ mapping, length, host }: Run, offset: number): LayerExtent {
  const compressed = mapping.kind === 'compressed';
  const zero = mapping.kind === 'zero';
  const kept = zero ? mapping.host !== undefined : mapping.kind === 'data';
  const own = { offset, length, depth: 0, present: true, zero, data: !zero, compressed };
  return kept ? { ...own, host } : own;
}

/** What is not in the image. Behind the backing file's end nobody says anything. */
async function* below(
  backing: BackingFile,
  { mapping, host, length }: Run,
  offset: number,
): AsyncGenerator<LayerExtent> {
  const inside = Math.max(0, Math.min(length, backing.size - offset));
  if (inside > 0) {
    const device = backing.opened;
    const layers = isLayered(device)
      ? device.layerExtents(offset, inside)
      : rawExtents(device, offset, inside);
    for await (const extent of layers) yield { ...extent, depth: extent.depth + 1 };
  }
  if (inside === length) return;
  const rest = { offset: offset + inside, length: length - inside };
  const nothing = { depth: 0, present: false, zero: true, data: false, compressed: false };
  yield { ...rest, ...nothing, ...(mapping.host !== undefined && { host: host + inside }) };
}

async function* rawExtents(
  device: BlockDevice,
  offset: number,
  length: number,
): AsyncGenerator<LayerExtent> {
  for await (const { zero, ...part } of device.extents(offset, length)) {
    const range = { offset: part.offset, length: part.length };
    yield {
      ...range,
      depth: 0,
      present: true,
      zero,
      data: !zero,
      compressed: false,
      host: part.offset,
    };
  }
}

function isLayered(device: BlockDevice): device is BlockDevice & Layered {
  return 'layerExtents' in device;
}

/** Joins neighbours that one file decides alike and, where they have a place, keeps in a row. */
export async function* mergeLayers(
  extents: AsyncIterable<LayerExtent>,
): AsyncGenerator<LayerExtent> {
  let open: LayerExtent | undefined;
  for await (const extent of extents) {
    if (open !== undefined && continues(open, extent)) {
      open = { ...open, length: open.length + extent.length };
      continue;
    }
    if (open !== undefined) yield open;
    open = extent;
  }
  if (open !== undefined) yield open;
}

function continues(open: LayerExtent, next: LayerExtent): boolean {
  const isAlike =
    open.depth === next.depth &&
    open.present === next.present &&
    open.zero === next.zero &&
    open.data === next.data &&
    open.compressed === next.compressed;
  if (!isAlike || open.host === undefined) return isAlike && next.host === undefined;
  return next.host === open.host + open.length;
}
