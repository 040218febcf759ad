import { corrupt, unsupported } from '../errors.ts';
import type { BitmapsPointer } from '../image-metadata.ts';
import type { Extension } from './image-header.ts';
import { Autoclear, BitmapsExtension, ExtensionType, Limit } from './spec.ts';

interface BitmapsSource {
  readonly where: string;
  readonly fields: {
    readonly version: number;
    readonly clusterBits: number;
    readonly autoclearFeatures: bigint;
  };
  readonly extensions: readonly Extension[];
  readonly fileSize: number;
}

interface BitmapsState {
  readonly bitmaps: BitmapsPointer | undefined;
  readonly bitmapsLost: boolean;
}

/** A draft of 2015 had a count and a size of 32 bits each, and an offset of 64, under this type. */
const DRAFT_SIZE = 16;

const TWICE = 'is there twice';

/** qcow2.rst, "Bitmaps extension": without its autoclear bit the content is not even looked at. */
export function parseBitmaps(source: BitmapsSource): BitmapsState {
  const { where, fields, extensions, fileSize } = source;
  const [extension, second] = extensions.filter(({ type }) => type === ExtensionType.bitmaps);
  if (extension === undefined) return { bitmaps: undefined, bitmapsLost: false };
  if (fields.version === 2 || (fields.autoclearFeatures & Autoclear.bitmaps) === 0n) {
    return { bitmaps: undefined, bitmapsLost: true };
  }
  const fault = (field: string, problem: string) =>
    corrupt({ where, struct: 'bitmaps extension', field, problem });

  // Programs would not agree on which of them counts.
  if (second !== undefined) throw corrupt({ where, struct: 'bitmaps extension', problem: TWICE });
  const { length } = extension.data;
  if (length === DRAFT_SIZE) {
    const hint = 'remove them with the program that made them: nothing else can read them';
    throw unsupported(where, 'the image has bitmaps in the form of a draft of 2015', hint);
  }
  if (length !== BitmapsExtension.size) {
    throw fault('length', `is ${length}, not ${BitmapsExtension.size}`);
  }
  const { bitmapCount, directorySize, directoryOffset } = BitmapsExtension.decode(extension.data);
  if (bitmapCount === 0 || bitmapCount > Limit.bitmaps) {
    throw fault('bitmapCount', `is ${bitmapCount}, not 1 to ${Limit.bitmaps}`);
  }
  if (directorySize === 0n || directorySize > BigInt(Limit.bitmapDirectoryBytes)) {
    throw fault('directorySize', `is ${directorySize}, not 1 to ${Limit.bitmapDirectoryBytes}`);
  }
  if (directoryOffset === 0n || directoryOffset % BigInt(2 ** fields.clusterBits) !== 0n) {
    throw fault('directoryOffset', `is ${directoryOffset}, not the start of a cluster`);
  }
  if (directoryOffset + directorySize > BigInt(fileSize)) {
    throw fault('directoryOffset', `is ${directoryOffset}: the file ends before the directory`);
  }
  const pointer = {
    bitmapCount,
    directorySize: Number(directorySize),
    directoryOffset: Number(directoryOffset),
  };
  return { bitmaps: pointer, bitmapsLost: false };
}
