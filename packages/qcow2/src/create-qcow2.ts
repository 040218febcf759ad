import type { BlockDevice } from '@tidemark/block';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { l1EntriesFor, geometryOf, roundUp, SECTOR_SIZE, TABLE_ENTRY_SIZE } from './geometry.ts';
import { backingNameOffset, composeHeader } from './header/compose-header.ts';
import type { ImageHeader } from './header/image-header.ts';
import { ExtensionType, HEADER_LENGTH, HeaderV2, Limit } from './header/spec.ts';
import { HostFile } from './io/host-file.ts';
import { writeRefcount } from './refcounts/refcount-width.ts';

export interface CreateQcow2Options {
  /** Bytes of the disk; rounded up to 512. */
  readonly size: number;
  /** Default 3. Version 2 holds no bitmaps. */
  readonly version?: 2 | 3;
  /** Bytes: a power of two, 512 to 2 MiB. Default 64 KiB. */
  readonly clusterSize?: number;
  /** A power of two, 1 to 64. Default 16, and always 16 in version 2. */
  readonly refcountBits?: number;
  readonly backing?: { readonly name: string; readonly format?: string };
  /** Not offered: such an image cannot be trusted after a crash. */
  readonly lazyRefcounts?: never;
}

/** Where the parts of a new image lie, in clusters: header, refcount table, blocks, L1 table. */
interface Layout {
  readonly tableClusters: number;
  readonly blocks: number;
  readonly l1Clusters: number;
  readonly total: number;
}

const DEFAULT_CLUSTER_SIZE = 64 * 1024;
const DEFAULT_REFCOUNT_BITS = 16;

/**
 * Writes an empty image; what the device held is gone. The header comes last and is the commit
 * point: until then the device holds no image at all.
 * @throws OUT_OF_RANGE (an option), NO_SPACE
 */
export async function createQcow2(device: BlockDevice, options: CreateQcow2Options): Promise<void> {
  const file = new HostFile(device);
  const { header, layout } = plan(device.label, options);
  const { clusterSize } = geometryOf(header.clusterBits, header.refcountOrder);
  if (device.size > 0) {
    await device.writeZeroes(0, Math.min(device.size, SECTOR_SIZE));
    await file.flush();
  }
  const total = layout.total * clusterSize;
  await makeEmpty(file, total);
  await file.write(refcountTable(layout, clusterSize), header.refcountTableOffset);
  await file.write(refcountBlocks(header, layout), (1 + layout.tableClusters) * clusterSize);
  await file.flush();
  await file.write(headerBytes(header), 0);
  await file.flush();
}

/** As many bytes of zeros. */
async function makeEmpty(file: HostFile, length: number): Promise<void> {
  try {
    await file.device.resize(0);
  } catch (error) {
    if (!isTidemarkError(error, 'DEVICE_UNSUPPORTED')) throw error;
    await file.ensureSize(length);
    return file.device.writeZeroes(0, length);
  }
  await file.device.resize(length);
}

function plan(where: string, options: CreateQcow2Options): { header: ImageHeader; layout: Layout } {
  const refuse = (problem: string, hint: string) =>
    new TidemarkError('OUT_OF_RANGE', problem, { where, hint });
  const { version = 3, clusterSize = DEFAULT_CLUSTER_SIZE } = options;
  const { refcountBits = DEFAULT_REFCOUNT_BITS } = options;
  const clusterBits = Math.log2(clusterSize);
  const refcountOrder = Math.log2(refcountBits);
  const { min, max } = Limit.clusterBits;
  if (!Number.isInteger(clusterBits) || clusterBits < min || clusterBits > max) {
    throw refuse(`a cluster size of ${clusterSize} bytes`, 'use a power of two, 512 to 2 MiB');
  }
  if (!Number.isInteger(refcountOrder) || refcountOrder < 0 || refcountOrder > 6) {
    throw refuse(`refcounts of ${refcountBits} bits`, 'use a power of two, 1 to 64');
  }
  if (version === 2 && refcountOrder !== 4) {
    throw refuse(`refcounts of ${refcountBits} bits in version 2`, 'use 16, or version 3');
  }
  const size = roundUp(options.size, SECTOR_SIZE);
  if (!Number.isSafeInteger(size) || size < 0) {
    throw refuse(`a disk of ${options.size} bytes`, 'use 0 to 2^53 bytes');
  }
  const geometry = geometryOf(clusterBits, refcountOrder);
  const l1Entries = l1EntriesFor(size, geometry);
  if (l1Entries * TABLE_ENTRY_SIZE > Limit.l1Bytes) {
    throw refuse(`a disk of ${size} bytes`, 'use larger clusters');
  }
  const layout = layOut(Math.ceil((l1Entries * TABLE_ENTRY_SIZE) / clusterSize), geometry);
  const header = withBacking(where, options, {
    version,
    virtualSize: size,
    clusterBits,
    refcountOrder,
    l1Entries,
    l1Offset: (layout.total - layout.l1Clusters) * clusterSize,
    refcountTableOffset: clusterSize,
    refcountTableClusters: layout.tableClusters,
    snapshotCount: 0,
    snapshotsOffset: 0,
    incompatible: 0n,
    compatible: 0n,
    autoclear: 0n,
    headerLength: version === 2 ? HeaderV2.size : HEADER_LENGTH,
    compressionType: 'zlib',
    unknownTail: new Uint8Array(0),
    extensions: [],
    backing: undefined,
    backingFormat: undefined,
    bitmaps: undefined,
    bitmapsLost: false,
  });
  return { header, layout };
}

/** Refcount blocks count themselves, too: more are added until they suffice. */
function layOut(l1Clusters: number, geometry: ReturnType<typeof geometryOf>): Layout {
  const { clusterSize, refcountsPerBlock } = geometry;
  for (let blocks = 1; ;) {
    const tableClusters = Math.ceil((blocks * TABLE_ENTRY_SIZE) / clusterSize);
    const total = 1 + tableClusters + blocks + l1Clusters;
    const needed = Math.ceil(total / refcountsPerBlock);
    if (needed <= blocks) return { tableClusters, blocks, l1Clusters, total };
    blocks = needed;
  }
}

function withBacking(where: string, options: CreateQcow2Options, header: ImageHeader): ImageHeader {
  const { backing } = options;
  if (backing === undefined) return header;
  const refuse = (problem: string, hint: string) =>
    new TidemarkError('OUT_OF_RANGE', problem, { where, hint });
  const bytes = new TextEncoder().encode(backing.name);
  const format = new TextEncoder().encode(backing.format ?? '');
  if (bytes.length === 0 || bytes.length > Limit.backingName) {
    throw refuse(`a backing file name of ${bytes.length} bytes`, 'use 1 to 1023 bytes');
  }
  if (format.length > Limit.backingFormat) {
    throw refuse(`a backing format of ${format.length} bytes`, 'use the name of a format');
  }
  const extensions = format.length > 0 ? [{ type: ExtensionType.backingFormat, data: format }] : [];
  const named = { ...header, extensions, backingFormat: backing.format };
  const offset = backingNameOffset(named);
  if (offset + bytes.length > 2 ** header.clusterBits) {
    throw refuse('the backing file name does not fit in a cluster', 'use larger clusters');
  }
  return { ...named, backing: { bytes, offset } };
}

function headerBytes(header: ImageHeader): Uint8Array {
  const composed = composeHeader(header);
  const { backing } = header;
  const end = backing === undefined ? composed.length : backing.offset + backing.bytes.length;
  const bytes = new Uint8Array(roundUp(end, SECTOR_SIZE));
  bytes.set(composed);
  if (backing !== undefined) bytes.set(backing.bytes, backing.offset);
  return bytes;
}

function refcountTable(layout: Layout, clusterSize: number): Uint8Array {
  const bytes = new Uint8Array(layout.tableClusters * clusterSize);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < layout.blocks; i++) {
    const block = (1 + layout.tableClusters + i) * clusterSize;
    view.setBigUint64(i * TABLE_ENTRY_SIZE, BigInt(block));
  }
  return bytes;
}

function refcountBlocks(header: ImageHeader, layout: Layout): Uint8Array {
  const bytes = new Uint8Array(layout.blocks * 2 ** header.clusterBits);
  const view = new DataView(bytes.buffer);
  const bits = 2 ** header.refcountOrder;
  for (let cluster = 0; cluster < layout.total; cluster++) writeRefcount(view, cluster, bits, 1);
  return bytes;
}
