import type { BlockDevice } from '@tidemark/block';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { withDataFile } from './data-file/data-file.ts';
import { planTables, type TablePlan, writeTables } from './data-file/write-tables.ts';
import {
  type Geometry,
  l1EntriesFor,
  geometryOf,
  roundUp,
  SECTOR_SIZE,
  TABLE_ENTRY_SIZE,
} from './geometry.ts';
import { backingNameOffset, composeHeader, extensionsEnd } from './header/compose-header.ts';
import type { ImageHeader } from './header/image-header.ts';
import {
  Compatible,
  ExtensionType,
  HEADER_LENGTH,
  HeaderV2,
  Incompatible,
  Limit,
} from './header/spec.ts';
import { HostFile } from './io/host-file.ts';

/** What `createQcow2` makes. */
export interface CreateQcow2Options {
  /** Bytes of the disk; rounded up to 512. */
  readonly size: number;
  /** Default 3. Version 2 holds no bitmaps. */
  readonly version?: 2 | 3;
  /** Bytes: a power of two, 512 to 2 MiB. Default 64 KiB. */
  readonly clusterSize?: number;
  /** A power of two, 1 to 64. Default 16, and always 16 in version 2. */
  readonly refcountBits?: number;
  /** Maps each cluster in 32 parts. Default false; needs version 3 and clusters of 16 KiB or more. */
  readonly extendedL2?: boolean;
  /** Default deflate ("zlib"); another one needs version 3. */
  readonly compressionType?: 'zlib' | 'zstd';
  /** Lets QEMU put off counting. What we write is counted at once all the same. Default false. */
  readonly lazyRefcounts?: boolean;
  /**
   * Whether clusters have their places from the start: not (`off`, the default), or in the image's
   * tables (`metadata`), with space set aside for them (`falloc`), or with zeros written (`full`). Of a
   * data file, only the tables are meant.
   */
  readonly preallocation?: 'off' | 'metadata' | 'falloc' | 'full';
  readonly backing?: { readonly name: string; readonly format?: string };
  /**
   * Another file that the data lies in; it is neither read nor written here. `name`: its path, which
   * QEMU takes relative to the folder that it runs in. `raw`, the default: its bytes are the disk, and
   * the image maps all of it as it is. Else the image is empty.
   */
  readonly dataFile?: { readonly name: string; readonly raw?: boolean };
}

const DEFAULT_CLUSTER_SIZE = 64 * 1024;
const DEFAULT_REFCOUNT_BITS = 16;

/** Bytes that are written at once. */
const ZEROS_LENGTH = 1024 * 1024;

/**
 * Writes an empty image; what the device held is gone. The header comes last and is the commit
 * point: until then the device holds no image at all.
 * @throws OUT_OF_RANGE (an option), NO_SPACE
 */
export async function createQcow2(device: BlockDevice, options: CreateQcow2Options): Promise<void> {
  const file = new HostFile(device);
  const { header, tables } = plan(device.label, options);
  if (device.size > 0) {
    await device.writeZeroes(0, Math.min(device.size, SECTOR_SIZE));
    await file.flush();
  }
  await makeEmpty(file, tables.fileSize);
  await writeTables(file, tables);
  await setAside(device, tables, options.preallocation);
  await file.flush();
  await file.write(headerBytes(header), 0);
  await file.flush();
}

async function setAside(
  device: BlockDevice,
  { preallocated, firstData, end }: TablePlan,
  how: CreateQcow2Options['preallocation'],
): Promise<void> {
  if (preallocated === undefined || how === 'metadata') return;
  if (how === 'falloc') return device.writeZeroes(firstData, end - firstData, { unmap: false });
  const zeros = new Uint8Array(ZEROS_LENGTH);
  for (let at = firstData; at < end; at += zeros.length) {
    await device.write(zeros.subarray(0, Math.min(zeros.length, end - at)), at);
  }
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

function plan(
  where: string,
  options: CreateQcow2Options,
): { header: ImageHeader; tables: TablePlan } {
  const { geometry, size } = planHeader(where, options);
  const { dataFile, preallocation = 'off', extendedL2 = false } = options;
  const { clusterSize } = geometry;
  const isRaw = dataFile !== undefined && dataFile.raw !== false;
  const isAhead = preallocation !== 'off';
  const isMapped = isRaw || (isAhead && dataFile !== undefined);
  const parts = extendedL2 ? 'unallocated' : 'data';
  const preallocated = isAhead && !isMapped ? parts : undefined;
  const used = { start: clusterSize, end: clusterSize };
  const tables = planTables({ geometry, size, isMapped, preallocated, used });
  const { header } = planHeader(where, options, tables.header);
  return { header, tables };
}

const NO_TABLES = { l1Offset: 0, l1Entries: 0, refcountTableOffset: 0, refcountTableClusters: 0 };

/** The header of a new image with its tables there. @throws OUT_OF_RANGE (an option) */
export function planHeader(
  where: string,
  options: CreateQcow2Options,
  tables: TablePlan['header'] = NO_TABLES,
): { readonly header: ImageHeader; readonly geometry: Geometry; readonly size: number } {
  const refuse = (problem: string, hint: string) =>
    new TidemarkError('OUT_OF_RANGE', problem, { where, hint });
  const { version = 3, clusterSize = DEFAULT_CLUSTER_SIZE } = options;
  const { refcountBits = DEFAULT_REFCOUNT_BITS, extendedL2 = false } = options;
  const { compressionType = 'zlib' } = options;
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
  if (extendedL2 && (version === 2 || clusterBits < Limit.extendedClusterBits)) {
    throw refuse('extended L2 entries', 'use version 3 and a cluster size of at least 16 KiB');
  }
  if (compressionType !== 'zlib' && version === 2) {
    throw refuse(`compression by ${compressionType} in version 2`, 'use zlib, or version 3');
  }
  const size = roundUp(options.size, SECTOR_SIZE);
  if (!Number.isSafeInteger(size) || size < 0) {
    throw refuse(`a disk of ${options.size} bytes`, 'use 0 to 2^53 bytes');
  }
  const geometry = geometryOf({ clusterBits, refcountOrder, extendedL2 });
  const l1Entries = l1EntriesFor(size, geometry);
  if (l1Entries * TABLE_ENTRY_SIZE > Limit.l1Bytes) {
    throw refuse(`a disk of ${size} bytes`, 'use larger clusters');
  }
  const { dataFile, backing, preallocation = 'off', lazyRefcounts = false } = options;
  const isRaw = dataFile !== undefined && dataFile.raw !== false;
  if ((isRaw && backing !== undefined) || (dataFile !== undefined && version === 2)) {
    throw refuse('a data file beside a backing file or in version 2', 'leave one of them out');
  }
  if (lazyRefcounts && version === 2) {
    throw refuse('lazy refcounts in version 2', 'leave them out, or use version 3');
  }
  const isAhead = preallocation !== 'off';
  if (isAhead && backing !== undefined && !extendedL2) {
    throw refuse('preallocation over a backing file', 'use extended L2 entries, or leave it out');
  }
  const plain = withBacking(where, options, {
    version,
    virtualSize: size,
    clusterBits,
    refcountOrder,
    ...tables,
    snapshotCount: 0,
    snapshotsOffset: 0,
    encryption: 'none',
    incompatible:
      (extendedL2 ? Incompatible.extendedL2 : 0n) |
      (compressionType === 'zlib' ? 0n : Incompatible.compressionType),
    compatible: lazyRefcounts ? Compatible.lazyRefcounts : 0n,
    autoclear: 0n,
    headerLength: version === 2 ? HeaderV2.size : HEADER_LENGTH,
    compressionType,
    unknownTail: new Uint8Array(0),
    extensions: [],
    backing: undefined,
    backingFormat: undefined,
    bitmaps: undefined,
    bitmapsLost: false,
  });
  const header = withDataFile(plain, options.dataFile);
  if (extensionsEnd(header) > clusterSize) {
    throw refuse('the name of the data file does not fit in a cluster', 'use larger clusters');
  }
  return { header, geometry, size };
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

/** With the backing file's name; whole sectors. */
export function headerBytes(header: ImageHeader): Uint8Array {
  const composed = composeHeader(header);
  const { backing } = header;
  const end = backing === undefined ? composed.length : backing.offset + backing.bytes.length;
  const bytes = new Uint8Array(roundUp(end, SECTOR_SIZE));
  bytes.set(composed);
  if (backing !== undefined) bytes.set(backing.bytes, backing.offset);
  return bytes;
}
