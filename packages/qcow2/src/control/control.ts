import type { DriveFacts } from '@tidemark/block';

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
}

/** What the control extension says of a sidecar's drive, and of who uses it. */
export interface Control {
  /**
   * - `idle`: nobody records, and the drive is as `drive` says.
   * - `busy`: a session may be writing the drive, or it ended without a close.
   * - `lent`: as `idle`, and QEMU alone is going to write the drive, through the image.
   */
  readonly state: 'idle' | 'busy' | 'lent';
  /** 16 bytes, of this sidecar. */
  readonly storeId: Uint8Array;
  /** 16 bytes, of whoever wrote this. */
  readonly sessionId: Uint8Array;
  /** Nanoseconds since 1970: the session begins no write to the drive afterwards. 0: it promises nothing. */
  readonly leaseUntil: bigint;
  readonly drive: DriveFacts;
  /** The directory that was in place with it. */
  readonly directory: DirectorySeal;
  /** Indices in the directory of bitmaps that are valid though they are in use, ascending. */
  readonly liveEntries: readonly number[];
}

/** The control extension of an image, as it was found. */
export type FoundControl =
  | {
      readonly control: Control;
      readonly sequence: bigint;
      /** The autoclear bit: no program that does not know it has opened the image for writing. A hint. */
      readonly isVouchedFor: boolean;
    }
  /** It is there and cannot be used. */
  | { readonly problem: string };
