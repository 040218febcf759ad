import { TidemarkError } from '@tidemark/core';
import { corrupt, unsupported } from '../errors.ts';
import type { HostFile } from '../io/host-file.ts';
import { checkTables, type HeaderFault } from './check-tables.ts';
import { parseExtensions } from './extensions.ts';
import { hasExtendedL2, refuseUnknownFeatures } from './features.ts';
import { readFirstCluster, readFirstPart } from './first-cluster.ts';
import type { BackingName, Extension, ImageHeader } from './image-header.ts';
import { parseBitmaps } from './parse-bitmaps.ts';
import {
  Autoclear,
  ExtensionType,
  HEADER_LENGTH,
  HeaderTail,
  HeaderV2,
  HeaderV3,
  Incompatible,
  Limit,
  QCOW2_MAGIC,
} from './spec.ts';

type Fields = ReturnType<typeof HeaderV3.decode>;

export interface ReadHeaderOptions {
  /** Incompatible features besides those that every caller can do with. */
  readonly accepted?: bigint;
  /** Default false: an encrypted image is refused. */
  readonly allowEncrypted?: boolean;
  /** Default false: an image without a refcount table is corrupt. */
  readonly allowNoRefcounts?: boolean;
}

/**
 * Reads and checks the first cluster. Nothing is allocated by a length that was not checked.
 * @throws IMAGE_UNRECOGNIZED, IMAGE_UNSUPPORTED, IMAGE_CORRUPT
 */
export async function readHeader(
  file: HostFile,
  { accepted = 0n, allowEncrypted = false, allowNoRefcounts = false }: ReadHeaderOptions = {},
): Promise<ImageHeader> {
  const where = file.label;
  const fault: HeaderFault = (field, problem) =>
    corrupt({ where, struct: 'header', field, offset: HeaderV3.offsetOf[field], problem });
  const start = await readFirstPart(file);
  const fields = decodeFields(where, start);
  checkShape(fields, fault);

  const cluster = await readFirstCluster(file, start, fields);
  const backing = readBackingName(fields, cluster, fault);
  const area = { where, start: fields.headerLength, end: backing?.offset ?? cluster.length };
  const extensions = parseExtensions(cluster, area);
  refuseUnknownFeatures(where, fields.incompatibleFeatures, extensions, accepted);
  const encryption = encryptionOf(where, fields, allowEncrypted);
  const numbers = checkTables(fields, { fileSize: file.size, allowNoRefcounts, fault });

  return {
    ...numbers,
    version: fields.version === 2 ? 2 : 3,
    clusterBits: fields.clusterBits,
    refcountOrder: fields.refcountOrder,
    encryption,
    incompatible: fields.incompatibleFeatures,
    compatible: fields.compatibleFeatures,
    autoclear: fields.autoclearFeatures,
    headerLength: fields.headerLength,
    compressionType: compressionType(where, fields, cluster),
    unknownTail: cluster.slice(HEADER_LENGTH, Math.max(HEADER_LENGTH, fields.headerLength)),
    extensions,
    backing,
    backingFormat: backingFormat(where, extensions),
    ...parseBitmaps({ where, fields, extensions, fileSize: file.size }),
  };
}

function assertWhole(where: string, start: Uint8Array, size: number): void {
  if (start.length >= size) return;
  const problem = `is cut short: the file has ${start.length} of its ${size} bytes`;
  throw corrupt({ where, struct: 'header', problem });
}

function decodeFields(where: string, start: Uint8Array): Fields {
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  if (start.length < 4 || view.getUint32(0) !== QCOW2_MAGIC) {
    throw new TidemarkError('IMAGE_UNRECOGNIZED', 'this is not a qcow2 image', {
      where,
      hint: 'check the path, or name the format if it is another',
    });
  }
  assertWhole(where, start, HeaderV2.size);
  const common = HeaderV2.decode(start);
  if (common.version === 3) {
    assertWhole(where, start, HeaderV3.size);
    return HeaderV3.decode(start);
  }
  if (common.version !== 2) {
    throw unsupported(
      where,
      `qcow2 version ${common.version} is not supported`,
      "convert the image with 'qemu-img convert -O qcow2'",
    );
  }
  return {
    ...common,
    incompatibleFeatures: 0n,
    compatibleFeatures: 0n,
    autoclearFeatures: 0n,
    refcountOrder: 4,
    headerLength: HeaderV2.size,
  };
}

function checkShape(fields: Fields, fault: HeaderFault): void {
  const { min, max } = Limit.clusterBits;
  if (fields.clusterBits < min || fields.clusterBits > max) {
    throw fault('clusterBits', `is ${fields.clusterBits}, not ${min} to ${max}`);
  }
  if (fields.refcountOrder > Limit.refcountOrder) {
    throw fault('refcountOrder', `is ${fields.refcountOrder}, more than ${Limit.refcountOrder}`);
  }
  if (fields.version === 2) return;
  const hasDataFile = (fields.incompatibleFeatures & Incompatible.dataFile) !== 0n;
  if ((fields.autoclearFeatures & Autoclear.rawData) !== 0n && !hasDataFile) {
    throw fault('autoclearFeatures', 'promises a raw data file, but the image has no data file');
  }
  const isExtended = hasExtendedL2({ incompatible: fields.incompatibleFeatures });
  if (isExtended && fields.clusterBits < Limit.extendedClusterBits) {
    throw fault('clusterBits', `is ${fields.clusterBits}, too few for extended L2 entries`);
  }
  const clusterSize = 2 ** fields.clusterBits;
  const { headerLength } = fields;
  if (headerLength < HeaderV3.size || headerLength > clusterSize || headerLength % 8 !== 0) {
    throw fault('headerLength', `is ${headerLength}, not a multiple of 8 up to one cluster`);
  }
}

function readBackingName(
  fields: Fields,
  cluster: Uint8Array,
  fault: HeaderFault,
): BackingName | undefined {
  if (fields.backingFileOffset === 0n) return undefined;
  if (fields.backingFileOffset > BigInt(cluster.length)) {
    throw fault('backingFileOffset', 'lies behind the first cluster');
  }
  const offset = Number(fields.backingFileOffset);
  if (offset < fields.headerLength) throw fault('backingFileOffset', 'lies inside the header');
  const longest = Math.min(Limit.backingName, cluster.length - offset);
  const length = fields.backingFileSize;
  if (length > longest) throw fault('backingFileSize', `is ${length}, more than ${longest}`);
  return { offset, bytes: cluster.slice(offset, offset + length) };
}

function encryptionOf(where: string, { cryptMethod }: Fields, isAllowed: boolean) {
  const encryption = (['none', 'aes', 'luks'] as const)[cryptMethod];
  if (encryption === 'none' || (isAllowed && encryption !== undefined)) return encryption;
  const method = encryption?.toUpperCase() ?? `method ${cryptMethod}`;
  throw unsupported(
    where,
    `encrypted images are not supported (${method})`,
    "decrypt it with 'qemu-img convert'",
  );
}

function compressionType(where: string, fields: Fields, cluster: Uint8Array): 'zlib' | 'zstd' {
  const stated = (fields.incompatibleFeatures & Incompatible.compressionType) !== 0n;
  const present = fields.version === 3 && fields.headerLength >= HEADER_LENGTH;
  const type = present ? HeaderTail.decode(cluster, HeaderV3.size).compressionType : 0;
  if (stated !== (type !== 0)) {
    throw corrupt({
      where,
      struct: 'header',
      field: 'compressionType',
      offset: HeaderV3.size,
      problem: `is ${type}, but its feature bit is ${stated ? 'set' : 'clear'}`,
    });
  }
  if (type > 1) {
    throw unsupported(
      where,
      `compression type ${type} is not supported`,
      "convert the image with 'qemu-img convert -O qcow2'",
    );
  }
  return type === 0 ? 'zlib' : 'zstd';
}

function backingFormat(where: string, extensions: readonly Extension[]): string | undefined {
  // As QEMU: of several the last one counts.
  const found = extensions.findLast(({ type }) => type === ExtensionType.backingFormat);
  if (found === undefined) return undefined;
  if (found.data.length > Limit.backingFormat) {
    throw corrupt({
      where,
      struct: 'backing format extension',
      field: 'length',
      problem: `is ${found.data.length}, more than ${Limit.backingFormat}`,
    });
  }
  return new TextDecoder().decode(found.data);
}
