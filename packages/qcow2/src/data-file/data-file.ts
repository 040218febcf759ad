import { TidemarkError } from '@tidemark/core';
import { unsupported } from '../errors.ts';
import { hasExtendedL2 } from '../header/features.ts';
import type { Extension, ImageHeader } from '../header/image-header.ts';
import { Autoclear, ExtensionType, Incompatible } from '../header/spec.ts';

/** QEMU takes no longer path (PATH_MAX). Bytes. */
const MAX_NAME = 4095;

/** The file that holds an image's data. */
export interface DataFile {
  /** As the image has it: a path. Undefined: it has none. */
  readonly name: string | undefined;
  /** Promised to be the disk byte for byte, without the image (qcow2.rst, "autoclear_features"). */
  readonly raw: boolean;
}

type Flags = Pick<ImageHeader, 'incompatible' | 'autoclear' | 'extensions'>;

export function hasDataFile({ incompatible }: Pick<ImageHeader, 'incompatible'>): boolean {
  return (incompatible & Incompatible.dataFile) !== 0n;
}

/** Undefined: its data lies in the image itself. */
export function dataFileOf(header: Flags): DataFile | undefined {
  if (!hasDataFile(header)) return undefined;
  const found = header.extensions.find(({ type }) => type === ExtensionType.dataFile);
  const name = found === undefined ? undefined : new TextDecoder().decode(found.data);
  return { name, raw: (header.autoclear & Autoclear.rawData) !== 0n };
}

/**
 * The same header for data in a file of that name, raw unless it says otherwise, or in the image itself. What an earlier data
 * file was called goes. @throws OUT_OF_RANGE (the name)
 */
export function withDataFile(
  header: ImageHeader,
  dataFile: { readonly name: string; readonly raw?: boolean } | undefined,
): ImageHeader {
  const others = header.extensions.filter(({ type }) => type !== ExtensionType.dataFile);
  const { incompatible, autoclear } = header;
  if (dataFile === undefined) {
    return {
      ...header,
      extensions: others,
      incompatible: incompatible & ~Incompatible.dataFile,
      autoclear: autoclear & ~Autoclear.rawData,
    };
  }
  return {
    ...header,
    extensions: [dataFileExtension(dataFile.name), ...others],
    incompatible: incompatible | Incompatible.dataFile,
    autoclear:
      dataFile.raw === false ? autoclear & ~Autoclear.rawData : autoclear | Autoclear.rawData,
  };
}

function dataFileExtension(name: string): Extension {
  const data = new TextEncoder().encode(name);
  if (data.length > 0 && data.length <= MAX_NAME && !data.includes(0)) {
    return { type: ExtensionType.dataFile, data };
  }
  throw new TidemarkError('OUT_OF_RANGE', `a data file cannot be called '${name}'`, {
    hint: `use a path of 1 to ${MAX_NAME} bytes`,
  });
}

/**
 * What an image whose data file is not opened has to promise before its metadata can be used: that
 * the data file is the disk, byte for byte, cluster by cluster. @throws IMAGE_UNSUPPORTED
 */
export function assertMetadataOnly(where: string, header: Flags): void {
  const isWhole = (header.autoclear & Autoclear.rawData) !== 0n && !hasExtendedL2(header);
  if (!hasDataFile(header) || isWhole) return;
  throw unsupported(
    where,
    'the data file of the image is not promised to be raw',
    'make another sidecar for the drive, and begin with a full backup',
  );
}
