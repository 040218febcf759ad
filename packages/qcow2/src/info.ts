import { dataFileOf } from './data-file/data-file.ts';
import type { ImageHeader } from './header/image-header.ts';
import { Compatible, Incompatible } from './header/spec.ts';

/** What an image says of itself. Sizes are bytes. */
export interface Qcow2Info {
  readonly version: 2 | 3;
  readonly virtualSize: number;
  readonly clusterSize: number;
  readonly refcountBits: number;
  readonly compressionType: 'zlib' | 'zstd';
  readonly lazyRefcounts: boolean;
  readonly backing: { readonly name: string; readonly format: string | undefined } | undefined;
  readonly encryption: 'none' | 'aes' | 'luks';
  /** Clusters are mapped in 32 parts each. */
  readonly extendedL2: boolean;
  /** The file that the data lies in. `raw`: its bytes are the disk's. Absent: it is in the image. */
  readonly dataFile: { readonly name: string | undefined; readonly raw: boolean } | undefined;
  readonly snapshotCount: number;
  /** Refcounts may be wrong: the image was not closed cleanly. */
  readonly dirty: boolean;
  /** Somebody found the image broken. */
  readonly corrupt: boolean;
  readonly bitmapCount: number;
  /** A bitmaps extension is there that nothing vouches for. */
  readonly bitmapsLost: boolean;
  /** Types of the header extensions, in the order of the file. */
  readonly extensionTypes: readonly number[];
}

export function infoOf(header: ImageHeader): Qcow2Info {
  const { backing, bitmaps } = header;
  return {
    version: header.version,
    virtualSize: header.virtualSize,
    clusterSize: 2 ** header.clusterBits,
    refcountBits: 2 ** header.refcountOrder,
    compressionType: header.compressionType,
    lazyRefcounts: (header.compatible & Compatible.lazyRefcounts) !== 0n,
    // As QEMU has it: an empty name is none.
    backing:
      backing === undefined || backing.bytes.length === 0
        ? undefined
        : { name: new TextDecoder().decode(backing.bytes), format: header.backingFormat },
    encryption: header.encryption,
    extendedL2: (header.incompatible & Incompatible.extendedL2) !== 0n,
    dataFile: dataFileOf(header),
    snapshotCount: header.snapshotCount,
    dirty: (header.incompatible & Incompatible.dirty) !== 0n,
    corrupt: (header.incompatible & Incompatible.corrupt) !== 0n,
    bitmapCount: bitmaps?.bitmapCount ?? 0,
    bitmapsLost: header.bitmapsLost,
    extensionTypes: header.extensions.map(({ type }) => type),
  };
}
