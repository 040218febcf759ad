import { type Geometry, geometryOf } from '../geometry.ts';
import type { BitmapsPointer } from '../image-metadata.ts';
import { hasExtendedL2 } from './features.ts';

/** A header extension as it lies in the file, without padding. */
export interface Extension {
  readonly type: number;
  readonly data: Uint8Array;
}

export interface BackingName {
  /** Not NUL terminated; kept as bytes, since paths need not be text. */
  readonly bytes: Uint8Array;
  /** Where it lies in the file. */
  readonly offset: number;
}

/** The header of an image, checked. Offsets and sizes are bytes unless named otherwise. */
export interface ImageHeader {
  readonly version: 2 | 3;
  readonly virtualSize: number;
  readonly clusterBits: number;
  readonly refcountOrder: number;
  readonly l1Entries: number;
  readonly l1Offset: number;
  readonly refcountTableOffset: number;
  readonly refcountTableClusters: number;
  readonly snapshotCount: number;
  readonly snapshotsOffset: number;
  readonly encryption: 'none' | 'aes' | 'luks';
  readonly incompatible: bigint;
  readonly compatible: bigint;
  readonly autoclear: bigint;
  /** Where extensions begin. */
  readonly headerLength: number;
  readonly compressionType: 'zlib' | 'zstd';
  /** What a later version of the format put behind the fields we know: kept as it is. */
  readonly unknownTail: Uint8Array;
  /** In the order of the file, without the end marker. */
  readonly extensions: readonly Extension[];
  readonly backing: BackingName | undefined;
  readonly backingFormat: string | undefined;
  /** Present only where the autoclear bit vouches for it. */
  readonly bitmaps: BitmapsPointer | undefined;
  /** A bitmaps extension is there that nothing vouches for. */
  readonly bitmapsLost: boolean;
}

type Shape = Pick<ImageHeader, 'clusterBits' | 'refcountOrder' | 'incompatible'>;

export function headerGeometry(header: Shape): Geometry {
  const { clusterBits, refcountOrder } = header;
  return geometryOf({ clusterBits, refcountOrder, extendedL2: hasExtendedL2(header) });
}
