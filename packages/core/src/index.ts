export { bytes, type Field, reserved, u16, u32, u64, u8 } from './codec/fields.ts';
export { struct, type Struct, type StructOptions, type ValuesOf } from './codec/struct.ts';
export { toNumber } from './codec/to-number.ts';
export {
  LIVE_SECTOR_BYTES,
  type LiveBackend,
  type LiveBitmaps,
  type LiveBits,
  type LiveSpan,
  type NewestBits,
  type WriteLease,
} from './live.ts';
export { decodeBitmapFile } from './bitmap-file/decode-bitmap-file.ts';
export { encodeBitmapFile } from './bitmap-file/encode-bitmap-file.ts';
export type { BitmapFile, FiledBitmap } from './bitmap-file/format.ts';
export { createBitmapStore } from './create-bitmap-store.ts';
export type { DirtyExtent } from './bitmap/extents.ts';
export { type BitSource, UnreadBits } from './bitmap/unread-bits.ts';
export type { ResizeOptions } from './bitmap/granules.ts';
export { DirtyBitmap } from './dirty-bitmap.ts';
export { type ErrorCode, type ErrorContext, isTidemarkError, TidemarkError } from './errors.ts';
export {
  checkBitmapName,
  checkCheckpoint,
  checkGranularity,
  defaultGranularity,
  MAX_BITMAP_BYTES,
  MAX_BITMAPS,
  MAX_GRANULARITY,
  MAX_NAME_BYTES,
  MIN_GRANULARITY,
} from './limits.ts';
export type { ResizeStoreOptions, ResizingBackend } from './resizing.ts';
export type {
  BitmapBackend,
  DirectoryEntry,
  ReplaceDirectoryOptions,
  StoredMerge,
} from './backend.ts';
export type { BitmapChange } from './bitmap-change.ts';
export type { BitmapInfo, BitmapState } from './bitmap-info.ts';
export type { AcquireOptions, BitmapStore, PreparedCommit } from './store.ts';
export { asUnchanged, isUnchanged, unchanging } from './unchanged.ts';
