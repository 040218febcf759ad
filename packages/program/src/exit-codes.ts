import { type ErrorCode, isTidemarkError } from '@tidemark/core';

/** The command line itself was wrong. */
export const EXIT_USAGE = 2;

/** A signal ended it; what a shell says of Ctrl-C. */
export const EXIT_CANCELLED = 130;

/** One exit code for each kind of failure; the manual lists them. Never changed, only added to. */
export const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  USAGE: EXIT_USAGE,

  BITMAP_NOT_FOUND: 3,
  FILE_NOT_FOUND: 3,
  BACKUP_NOT_FOUND: 3,

  BITMAP_EXISTS: 4,
  FILE_EXISTS: 4,

  BITMAP_BUSY: 5,
  LOCKED: 5,

  BITMAP_INCONSISTENT: 6,

  BITMAP_INVALID: 7,
  BITMAP_TOO_LARGE: 7,
  SIDECAR_MISMATCH: 7,
  OUT_OF_RANGE: 7,

  IMAGE_UNRECOGNIZED: 8,
  IMAGE_CORRUPT: 8,

  IMAGE_UNSUPPORTED: 9,
  BITMAP_UNSUPPORTED: 9,
  DEVICE_UNSUPPORTED: 9,

  PERMISSION_DENIED: 10,
  DEVICE_READ_ONLY: 10,
  STORE_READ_ONLY: 10,
  BITMAP_READ_ONLY: 10,

  BACKUP_CORRUPT: 11,
  BACKUP_PARENT_MISMATCH: 11,
  BACKUP_DRIVE_MISMATCH: 11,
  UNDO_INVALID: 11,

  NO_SPACE: 12,

  IO_FAILED: 13,
  STORE_FAILED: 13,
  STORE_CLOSED: 13,
  DEVICE_CLOSED: 13,

  PROTOCOL_ERROR: 14,
  CONNECTION_LOST: 14,

  NODE_TOO_OLD: 15,

  CANCELLED: EXIT_CANCELLED,
};

/** The exit code of a program that ends with `error`; 1 for a fault of our own. */
export function exitCodeOf(error: unknown): number {
  return isTidemarkError(error) ? EXIT_CODES[error.code] : 1;
}
