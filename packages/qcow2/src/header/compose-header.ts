import { CONTROL_EXTENSION } from '../control/spec.ts';
import type { BitmapsPointer } from '../image-metadata.ts';
import { extensionSize, writeExtensions } from './extensions.ts';
import type { Extension, ImageHeader } from './image-header.ts';
import {
  BitmapsExtension,
  CRYPT_METHODS,
  ExtensionHead,
  ExtensionType,
  HEADER_LENGTH,
  HeaderTail,
  HeaderV2,
  HeaderV3,
  QCOW2_MAGIC,
} from './spec.ts';

/** QEMU 7.2 writes its table of 8 names where clusters are larger than this. Bytes. */
export const FEATURE_NAMES_ABOVE = 4096;
export const FEATURE_NAMES_SIZE: number = ExtensionHead.size + 8 * 48;
export const BITMAPS_EXTENSION_SIZE = ExtensionHead.size + BitmapsExtension.size;

/** The fields of fixed size, from the first byte of the file. */
export function encodeFields(header: ImageHeader): Uint8Array {
  const common = {
    magic: QCOW2_MAGIC,
    version: header.version,
    backingFileOffset: BigInt(header.backing?.offset ?? 0),
    backingFileSize: header.backing?.bytes.length ?? 0,
    clusterBits: header.clusterBits,
    size: BigInt(header.virtualSize),
    cryptMethod: CRYPT_METHODS[header.encryption],
    l1Size: header.l1Entries,
    l1TableOffset: BigInt(header.l1Offset),
    refcountTableOffset: BigInt(header.refcountTableOffset),
    refcountTableClusters: header.refcountTableClusters,
    snapshotCount: header.snapshotCount,
    snapshotsOffset: BigInt(header.snapshotsOffset),
  };
  if (header.version === 2) return HeaderV2.encode(common);
  return HeaderV3.encode({
    ...common,
    incompatibleFeatures: header.incompatible,
    compatibleFeatures: header.compatible,
    autoclearFeatures: header.autoclear,
    refcountOrder: header.refcountOrder,
    headerLength: header.headerLength,
  });
}

/** The header and its extensions, to the end marker. */
export function composeHeader(header: ImageHeader): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(extensionsEnd(header));
  bytes.set(encodeFields(header));
  if (header.headerLength >= HEADER_LENGTH) {
    const compressionType = header.compressionType === 'zstd' ? 1 : 0;
    bytes.set(HeaderTail.encode({ compressionType, padding: null }), HeaderV3.size);
    bytes.set(header.unknownTail, HEADER_LENGTH);
  }
  writeExtensions(bytes, header.headerLength, header.extensions);
  return bytes;
}

/** Whether two headers say the same, whatever their layout. */
export function isSameHeader(a: ImageHeader, b: ImageHeader): boolean {
  return Buffer.compare(composeHeader(a), composeHeader(b)) === 0;
}

/** Where the extensions end, their end marker included. */
export function extensionsEnd({ headerLength, extensions }: ImageHeader): number {
  const size = extensions.reduce((sum, extension) => sum + extensionSize(extension), 0);
  return headerLength + size + ExtensionHead.size;
}

/**
 * Where QEMU puts the backing file's name when it writes this header with bitmaps in it. The name
 * has to lie there from the start: a takeover by QEMU that is torn must not move it.
 */
export function backingNameOffset(header: ImageHeader): number {
  const clusterSize = 2 ** header.clusterBits;
  let offset = extensionsEnd({ ...header, extensions: keptExtensions(header) });
  if (header.version === 2) return offset;
  offset += BITMAPS_EXTENSION_SIZE;
  return clusterSize > FEATURE_NAMES_ABOVE ? offset + FEATURE_NAMES_SIZE : offset;
}

/**
 * The extensions of a header with `bitmaps` and `control`. These come first, to share a sector with
 * their autoclear bits; names of features are left out, to make room.
 */
export function arrangeExtensions(
  header: ImageHeader,
  bitmaps: BitmapsPointer | undefined,
  control: Extension | undefined,
): Extension[] {
  const others = keptExtensions(header).filter(({ type }) => type !== CONTROL_EXTENSION);
  const first = bitmaps === undefined ? [] : [bitmapsExtension(bitmaps)];
  return [...first, ...(control === undefined ? [] : [control]), ...others];
}

export function bitmapsExtension(pointer: BitmapsPointer): Extension {
  const { bitmapCount, directorySize, directoryOffset } = pointer;
  const data = BitmapsExtension.encode({
    bitmapCount,
    reserved: null,
    directorySize: BigInt(directorySize),
    directoryOffset: BigInt(directoryOffset),
  });
  return { type: ExtensionType.bitmaps, data };
}

/** All that is kept when a header is laid out, by us or by QEMU, except for the bitmaps. */
export function keptExtensions(header: ImageHeader): Extension[] {
  return header.extensions.filter(
    ({ type }) => type !== ExtensionType.bitmaps && type !== ExtensionType.featureNames,
  );
}
