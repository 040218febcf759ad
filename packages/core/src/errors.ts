/** Why an operation was refused. Codes are public API: they change only in a major release. */
export type ErrorCode =
  // bitmaps and their stores
  | 'BITMAP_NOT_FOUND'
  | 'BITMAP_EXISTS'
  | 'BITMAP_BUSY'
  | 'BITMAP_READ_ONLY'
  | 'BITMAP_INCONSISTENT'
  | 'BITMAP_INVALID'
  | 'BITMAP_TOO_LARGE'
  | 'BITMAP_UNSUPPORTED'
  | 'STORE_READ_ONLY'
  | 'STORE_CLOSED'
  | 'STORE_FAILED'
  | 'SIDECAR_MISMATCH'
  // images
  | 'IMAGE_UNRECOGNIZED'
  | 'IMAGE_CORRUPT'
  | 'IMAGE_UNSUPPORTED'
  // devices and files
  | 'DEVICE_READ_ONLY'
  | 'DEVICE_CLOSED'
  | 'DEVICE_UNSUPPORTED'
  | 'OUT_OF_RANGE'
  | 'FILE_NOT_FOUND'
  | 'FILE_EXISTS'
  | 'PERMISSION_DENIED'
  | 'LOCKED'
  | 'NO_SPACE'
  | 'IO_FAILED'
  // backups
  | 'BACKUP_NOT_FOUND'
  | 'BACKUP_CORRUPT'
  | 'BACKUP_PARENT_MISMATCH'
  | 'BACKUP_DRIVE_MISMATCH'
  // repairs
  | 'UNDO_INVALID'
  // protocols
  | 'PROTOCOL_ERROR'
  | 'CONNECTION_LOST'
  // programs
  | 'USAGE'
  | 'CANCELLED'
  | 'NODE_TOO_OLD';

/** Where it happened. Only facts a reader can act on; never the whole object. */
export interface ErrorContext {
  /** Label of the device, store or image, or a path. */
  readonly where?: string;
  readonly bitmap?: string;
  readonly struct?: string;
  readonly field?: string;
  /** A stable code of the rule that a bitmap broke, see `BitmapInfo`. */
  readonly rule?: string;
  /** Bytes. */
  readonly offset?: number;
  /** One sentence, in the imperative: what to do next. */
  readonly hint?: string;
}

// Registered globally, so that the check holds when two copies of this package are installed.
const BRAND = Symbol.for('tidemark.error');

/** The one error class of all packages. The message says what and why; the code is for programs. */
export class TidemarkError extends Error {
  override readonly name = 'TidemarkError';
  readonly code: ErrorCode;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.context = context;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Whether it is one, of this code if one is named; also where two copies of the package are installed. */
export function isTidemarkError(error: unknown, code?: ErrorCode): error is TidemarkError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || ('code' in error && error.code === code);
}
