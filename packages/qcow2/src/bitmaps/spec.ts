import {
  MAX_BITMAP_BYTES,
  MAX_BITMAPS,
  MAX_NAME_BYTES,
  struct,
  u16,
  u32,
  u64,
  u8,
} from '@tidemark/core';

/** qcow2.rst, "Bitmap directory": the fixed part; extra data, name and padding to 8 follow. */
export const BitmapDirectoryEntry = struct('bitmap directory entry', {
  tableOffset: u64,
  tableSize: u32,
  flags: u32,
  type: u8,
  granularityBits: u8,
  nameSize: u16,
  extraDataSize: u32,
});

/** qcow2.rst, "Bitmap directory": `flags`. Bits from 3 on mean nothing yet. */
export const EntryFlag = { inUse: 1, auto: 2, extraDataCompatible: 4 } as const;

/** Every flag that has a meaning. */
export const KNOWN_FLAGS = EntryFlag.inUse | EntryFlag.auto | EntryFlag.extraDataCompatible;

/** qcow2.rst, "Bitmap directory": `type`, the only one so far. */
export const DIRTY_TRACKING = 1;

/** What QEMU accepts, so that it opens what we write and we need no more memory than it. */
export const BitmapLimit = {
  granularityBits: { min: 9, max: 31 },
  nameBytes: MAX_NAME_BYTES,
  bitmaps: MAX_BITMAPS,
  directoryBytes: MAX_BITMAPS * 1024,
  /** Clusters of bitmap data of one bitmap, in bytes. */
  contentBytes: MAX_BITMAP_BYTES,
} as const;

/** Entries of the bitmap table of a disk: each stands for one cluster of bitmap data. */
export function tableSizeFor(diskSize: number, granularity: number, clusterSize: number): number {
  return Math.ceil(Math.ceil(diskSize / granularity) / (8 * clusterSize));
}
