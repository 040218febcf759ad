import type { DriveFacts, FileFacts } from '@tidemark/block';
import type { Token } from './tokens.ts';

/** Entries of the bitmap directory that can be named in `liveEntries`: the first ones. */
export const MAX_LIVE_ENTRIES = 32;

/** A bitmap directory, byte for byte. */
export interface DirectorySeal {
  /** Host offset; 0 where there is no directory. */
  readonly offset: number;
  /** CRC-32. */
  readonly crc: number;
}

/** A bitmap directory that is going to be in place. */
export interface NewDirectory {
  readonly seal: DirectorySeal;
  /** See `Control`. */
  readonly liveEntries: readonly number[];
  /** See `Control`. */
  readonly tokens: readonly Token[];
}

/** What the control extension says of the bitmaps in an image, and of who uses them. */
export interface Control {
  /** Whether they are bitmaps of the image's own disk, or of a raw drive beside it. */
  readonly kind: 'image' | 'sidecar';
  /**
   * - `idle`: nobody records, and the drive of a sidecar is as `drive` says.
   * - `busy`: a session may be writing the drive, or it ended without a close.
   * - `lent`: as `idle`, and QEMU alone is going to write the drive, through the image.
   */
  readonly state: 'idle' | 'busy' | 'lent';
  /** 16 bytes, of this store of bitmaps, wherever it is copied to. */
  readonly storeId: Uint8Array;
  /** 16 bytes, of whoever wrote this. */
  readonly sessionId: Uint8Array;
  /** Nanoseconds since 1970: the session begins no write to the drive afterwards. 0: it promises nothing. */
  readonly leaseUntil: bigint;
  /**
   * Whether `drive` says more than the size: there are drives and files of which nothing can be
   * learned.
   */
  readonly isBound: boolean;
  /**
   * What the system said of a sidecar's drive, or of an image's own file without its times. Its size
   * is always that of the disk that the bitmaps describe.
   */
  readonly drive: DriveFacts;
  /** The directory that was in place with it. */
  readonly directory: DirectorySeal;
  /** Indices in the directory of bitmaps that are valid though they are in use, ascending. */
  readonly liveEntries: readonly number[];
  /** Those that were given last come first; what there is no room for is not kept. */
  readonly tokens: readonly Token[];
}

/** The control extension of an image, as it was found. */
export type FoundControl =
  | {
      readonly control: Control;
      readonly sequence: bigint;
      /** How many tokens it has room for. */
      readonly slots: number;
      /** The autoclear bit: no program that does not know it has opened the image for writing. A hint. */
      readonly isVouchedFor: boolean;
    }
  /** It is there and cannot be used. */
  | { readonly problem: string };

/**
 * What a control extension says of a drive or of an image's file; undefined: nothing can be learned
 * of it. `size`: bytes of the disk.
 */
export function boundTo(
  drive: DriveFacts | undefined,
  size: number,
): Pick<Control, 'isBound' | 'drive'> {
  return { isBound: drive !== undefined, drive: { ...(drive ?? UNKNOWN), size } };
}

const UNKNOWN: Omit<FileFacts, 'size'> = {
  kind: 'file',
  modified: 0n,
  changed: 0n,
  born: 0n,
  inode: 0n,
  device: 0n,
};
