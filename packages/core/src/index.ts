export { type ErrorCode, type ErrorContext, isTidemarkError, TidemarkError } from './errors.ts';
export { DirtyBitmap, type DirtyExtent, type ResizeOptions } from './dirty-bitmap.ts';
export type {
  BitmapBackend,
  BitmapChange,
  BitmapInfo,
  BitmapState,
  BitmapStore,
  DirectoryEntry,
} from './store.ts';
