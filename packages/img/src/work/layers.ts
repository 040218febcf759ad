import type { LayerExtent } from '@tidemark/qcow2';
import type { Image } from '../open/open-image.ts';
import { statusOf } from '../open/file-status.ts';
import { type NbdDisk, statusOfServer } from '../open/nbd-disk.ts';

/** Flags of `base:allocation` (proto.md, "Metadata contexts"). */
const HOLE = 1;
const ZERO = 2;

/** What is given up as one. */
const SECTOR = 512;

/**
 * Which file of the chain decides each part of the disk, as `qemu-img map` tells it. Ranges behind
 * its end are left out. Of an image that is salvaged, what cannot be told is taken for data.
 */
export async function* layersOf(
  image: Image,
  offset = 0,
  length = image.disk.size - offset,
): AsyncGenerator<LayerExtent> {
  const { salvage } = image;
  if (salvage === undefined) {
    yield* knownLayers(image, offset, length);
    return;
  }
  const end = Math.min(offset + length, image.disk.size);
  for (let at = offset; at < end;) {
    try {
      for await (const extent of knownLayers(image, at, end - at)) {
        yield extent;
        at = extent.offset + extent.length;
      }
    } catch (error) {
      salvage('block status at offset', at, error);
      const part = { offset: at, length: Math.min(SECTOR, end - at), host: at };
      yield { ...part, depth: 0, present: true, zero: false, data: true, compressed: false };
      at += part.length;
    }
  }
}

async function* knownLayers(
  image: Image,
  offset: number,
  length: number,
): AsyncGenerator<LayerExtent> {
  const { qcow2, disk } = image;
  const inside = Math.max(0, Math.min(length, disk.size - offset));
  if (inside === 0) return;
  if (qcow2 === undefined) {
    const status = statusOfServer(image.file);
    if (status !== undefined) {
      yield* layersOfServer(status, image.file.size, { offset, length: inside });
      return;
    }
    for await (const { zero, ...part } of disk.extents(offset, inside)) {
      const place = { offset: part.offset, length: part.length, host: part.offset };
      yield { ...place, depth: 0, present: true, zero, data: !zero, compressed: false };
    }
    return;
  }
  const places = new Map<number, Image | undefined>();
  for await (const extent of qcow2.layerExtents(offset, inside)) {
    const { data, host, depth } = extent;
    if (!data || host === undefined) {
      yield extent;
      continue;
    }
    if (!places.has(depth)) places.set(depth, await preallocated(imageAt(image, depth)));
    const place = places.get(depth);
    if (place === undefined) yield extent;
    else yield* splitByHoles(extent, host, place);
  }
}

/** As QEMU's client takes what a server says: a hole that is not zeros is nothing at all. */
async function* layersOfServer(
  status: NonNullable<NbdDisk['status']>,
  size: number,
  { offset, length }: { readonly offset: number; readonly length: number },
): AsyncGenerator<LayerExtent> {
  const inside = Math.max(0, Math.min(length, size - offset));
  for await (const { flags, ...part } of inside === 0 ? [] : status(offset, inside)) {
    const [data, zero] = [(flags & HOLE) === 0, (flags & ZERO) !== 0];
    const present = data || zero;
    const place = present ? { host: part.offset } : {};
    yield { ...part, ...place, depth: 0, present, zero, data, compressed: false };
  }
  if (inside === length) return;
  // The last sector is whole to QEMU, and behind the end of the disk there are zeros.
  const at = offset + inside;
  const flags = { depth: 0, present: true, zero: true, data: false, compressed: false };
  yield { offset: at, length: length - inside, ...flags };
}

/** The file whose bytes an extent names: the data file, where an image has one. */
export function fileOf(image: Image, depth: number): string {
  const at = imageAt(image, depth);
  return at.qcow2?.info.dataFile?.name ?? at.path;
}

function imageAt(image: Image, depth: number): Image {
  let at = image;
  for (let i = 0; i < depth && at.backing !== undefined; i++) at = at.backing;
  return at;
}

/**
 * The image, where it has more clusters than its file takes up: they may have been allocated without
 * being written. QEMU asks for holes then, and by this very measure, where a data file has them too.
 */
async function preallocated(image: Image): Promise<Image | undefined> {
  const { qcow2, path, file } = image;
  if (qcow2 === undefined || image.isRemote === true) return undefined;
  const { clusterSize } = qcow2.info;
  const clusters = Math.floor(((await statusOf(path)).blocks * 512) / clusterSize);
  const least = Math.max(Math.floor((clusters * 10) / 9), clusters + 2);
  if (Math.ceil(file.size / clusterSize) < least) return undefined;
  return (await qcow2.usesMoreClustersThan(least - 1)) ? image : undefined;
}

async function* splitByHoles(
  extent: LayerExtent,
  host: number,
  { file: image, dataFile }: Image,
): AsyncGenerator<LayerExtent> {
  const { offset, length } = extent;
  const file = dataFile ?? image;
  const inside = Math.max(0, Math.min(length, file.size - host));
  if (inside > 0) {
    for await (const { zero, ...part } of file.extents(host, inside)) {
      const at = part.offset - host;
      yield { ...extent, offset: offset + at, length: part.length, host: part.offset, zero };
    }
  }
  if (inside === length) return;
  const rest = { offset: offset + inside, length: length - inside, host: host + inside };
  yield { ...extent, ...rest, zero: true };
}
