/** The format itself, for whoever reads an image without opening it: what lies where. */
export { decodeName } from './bitmaps/bitmap-name.ts';
export {
  BitmapDirectoryEntry,
  BitmapLimit,
  DIRTY_TRACKING,
  EntryFlag,
  KNOWN_FLAGS,
  tableSizeFor,
} from './bitmaps/spec.ts';
export { decodeControl } from './control/codec.ts';
export { CONTROL_EXTENSION } from './control/spec.ts';
export {
  Autoclear,
  BitmapsExtension,
  ExtensionHead,
  ExtensionType,
  HeaderV2,
  HeaderV3,
  Incompatible,
  Limit,
  QCOW2_MAGIC,
  SnapshotEntry,
} from './header/spec.ts';
export { readRefcount, writeRefcount } from './refcounts/refcount-width.ts';
