import { bytes, reserved, struct, u32, u64 } from '@tidemark/core';

const UNDO = { errorCode: 'UNDO_INVALID' } as const;

/** "TIDEUNDO". */
export const UNDO_MAGIC = 0x54494445554e444fn;
export const UNDO_VERSION = 1;

/** The head of an undo file; `recordCount` records follow, then `UndoTail`. Big-endian. */
export const UndoHead = struct(
  'undo file',
  {
    magic: u64,
    version: u32,
    recordCount: u32,
    /** Bytes of the image before the repair and after it. */
    sizeBefore: u64,
    sizeAfter: u64,
    /** SHA-256 of the image's metadata before the repair, see metadata-digest.ts. */
    digest: bytes(32),
  },
  UNDO,
);

/**
 * One sector of 512 bytes that the repair writes. Behind it: its old content, 512 bytes, unless
 * `isNew`; then a CRC-32 for each of the `stateCount` contents that it is given.
 */
export const UndoRecord = struct(
  'undo record',
  {
    /** In the image, a multiple of 512. */
    offset: u64,
    /** Records of one number are written in any order; there is a flush behind them. */
    phase: u32,
    stateCount: u32,
    /** 1: it is behind the end that the file had, so that there is no old content. */
    isNew: u32,
    reserved: reserved(4),
  },
  UNDO,
);

/** SHA-256 of all before it. */
export const UndoTail = struct('undo file', { digest: bytes(32) }, UNDO);
