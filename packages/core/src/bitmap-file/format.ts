import { bytes, reserved, u16, u32, u64, u8 } from '../codec/fields.ts';
import { struct } from '../codec/struct.ts';
import type { DirtyBitmap } from '../dirty-bitmap.ts';

// docs/bitmap-file.md describes it.

export const BITMAP_FILE_MAGIC = Buffer.alloc(8, 'TIDEBITS');
export const BITMAP_FILE_VERSION = 1;

/** Bytes of what tells of the drive. */
export const MAX_ORIGIN_BYTES: number = 64 * 1024;
/** Serialised bytes that are looked at as a whole. */
export const PIECE_BYTES: number = 1024 * 1024;
/** Bytes of a digest at the end. */
export const DIGEST_BYTES = 32;

export const FileHeader = struct('bitmap file header', {
  magic: bytes(8),
  version: u32,
  /** Bytes of text behind the header. */
  originLength: u32,
  /** Bytes. */
  diskSize: u64,
  bitmapCount: u32,
  reserved: reserved(4),
});

export const BitmapFlag = {
  ENABLED: 1,
  HAS_CHECKPOINT: 2,
  /** It was not to be trusted, and all of it is dirty therefore. */
  UNTRUSTED: 4,
} as const;

export const BitmapHeader = struct('bitmap header', {
  nameLength: u16,
  /** The granularity is two to the power of it, in bytes. */
  granularityBits: u8,
  flags: u8,
  reserved: reserved(4),
  checkpoint: bytes(16),
});

export const PieceKind = { CLEAN: 0, DIRTY: 1, DEFLATED: 2 } as const;

export const PieceHeader = struct('bitmap piece', {
  kind: u8,
  reserved: reserved(3),
  /** Bytes behind it. */
  length: u32,
});

/** A bitmap that can be carried to another place. */
export interface FiledBitmap {
  readonly name: string;
  readonly enabled: boolean;
  readonly content: DirtyBitmap;
  /** 32 hexadecimal digits, see `BitmapChange`. */
  readonly checkpoint?: string | undefined;
  /** It was not to be trusted when it was written, and all of it is dirty therefore. */
  readonly isUntrusted: boolean;
}

/** Bitmaps of a drive, and what tells of the drive that they are true of. */
export interface BitmapFile {
  /** Bytes. */
  readonly diskSize: number;
  /** For whoever wrote it. */
  readonly origin: string;
  readonly bitmaps: readonly FiledBitmap[];
}
