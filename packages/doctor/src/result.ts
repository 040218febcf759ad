import type { Finding } from './findings.ts';

/**
 * - `sound`: any program that knows the format can use it.
 * - `in-use`: somebody has not closed the image; the bitmap can only be removed (or taken over, in
 *   a sidecar that says so).
 * - `broken`: its entry, table or clusters are not what they have to be.
 * - `foreign`: of a kind that this version does not know. QEMU does not open an image with it.
 */
export type BitmapVerdict = 'sound' | 'in-use' | 'broken' | 'foreign';

/** What `checkImage` says of a bitmap in an image. */
export interface CheckedBitmap {
  readonly name: string;
  /** Bytes of disk to a bit; 0 where the entry says what cannot be. */
  readonly granularity: number;
  readonly enabled: boolean;
  readonly inUse: boolean;
  readonly verdict: BitmapVerdict;
  /** Clusters of bits. */
  readonly dataClusters: number;
}

/**
 * - `none`: there are none.
 * - `present`: the directory could be read, though entries of it may be broken.
 * - `stale`: a program without bitmap support changed the image: none is to be trusted.
 * - `unreadable`: the extension or the directory is damaged; what could be read of it is listed.
 */
export type BitmapsState = 'none' | 'present' | 'stale' | 'unreadable';

/** What a check found. */
export interface ImageCheck {
  /** Names the image in messages. */
  readonly label: string;
  readonly version: 2 | 3;
  /** Bytes. */
  readonly clusterSize: number;
  readonly refcountBits: number;
  /** Bytes. */
  readonly virtualSize: number;

  /** As `qemu-img check` counts them. */
  readonly corruptions: number;
  readonly leaks: number;
  readonly checkErrors: number;
  /** Clusters of the disk, and how many of them have a place in the file. */
  readonly totalClusters: number;
  readonly allocatedClusters: number;
  readonly fragmentedClusters: number;
  readonly compressedClusters: number;
  /** Bytes: behind the last cluster that is used or counted. */
  readonly imageEndOffset: number;

  /** The image says that its refcounts may be out of date, or that it is corrupt. */
  readonly isMarkedDirty: boolean;
  readonly isMarkedCorrupt: boolean;

  readonly bitmapsState: BitmapsState;
  readonly bitmaps: readonly CheckedBitmap[];
  /** Findings of severity `bitmap`. */
  readonly bitmapFaults: number;

  /** Something that refers to clusters could not be read: leaks may be clusters that are in use. */
  readonly isIncomplete: boolean;
  readonly findings: readonly Finding[];
  /** Findings that are counted and not listed. */
  readonly findingsLeftOut: number;
}
