import { reserved, struct, u16, u32, u64, u8 } from '@tidemark/core';

/** "QFI" and 0xFB. */
export const QCOW2_MAGIC = 0x514649fb;

const COMMON = {
  magic: u32,
  version: u32,
  backingFileOffset: u64,
  backingFileSize: u32,
  clusterBits: u32,
  size: u64,
  cryptMethod: u32,
  l1Size: u32,
  l1TableOffset: u64,
  refcountTableOffset: u64,
  refcountTableClusters: u32,
  snapshotCount: u32,
  snapshotsOffset: u64,
};

/** qcow2.rst, "Header": the 72 bytes that versions 2 and 3 share. */
export const HeaderV2 = struct('header', COMMON);

/** qcow2.rst, "Header": what every header of version 3 has. */
export const HeaderV3 = struct('header', {
  ...COMMON,
  incompatibleFeatures: u64,
  compatibleFeatures: u64,
  autoclearFeatures: u64,
  refcountOrder: u32,
  headerLength: u32,
});

/** qcow2.rst, "Additional fields": present when `headerLength` says so. */
export const HeaderTail = struct('header', { compressionType: u8, padding: reserved(7) });

/** What we write: `HeaderV3` and `HeaderTail`. */
export const HEADER_LENGTH = HeaderV3.size + HeaderTail.size;

/** qcow2.rst, "Header extensions": what stands before each extension's data. */
export const ExtensionHead = struct('header extension', { type: u32, length: u32 });

/** qcow2.rst, "Header extensions". */
export const ExtensionType = {
  end: 0,
  backingFormat: 0xe2792aca,
  featureNames: 0x6803f857,
  bitmaps: 0x23852875,
  encryption: 0x0537be77,
  dataFile: 0x44415441,
} as const;

/** qcow2.rst, "Bitmaps extension". */
export const BitmapsExtension = struct('bitmaps extension', {
  bitmapCount: u32,
  reserved: reserved(4),
  directorySize: u64,
  directoryOffset: u64,
});

/** qcow2.rst, "Snapshots": the fixed part; extra data, id, name and padding to 8 follow. */
export const SnapshotEntry = struct('snapshot table entry', {
  l1Offset: u64,
  l1Size: u32,
  idSize: u16,
  nameSize: u16,
  seconds: u32,
  nanoseconds: u32,
  runTime: u64,
  stateSize: u32,
  extraDataSize: u32,
});

/** qcow2.rst, "Snapshots": the extra data that is known, as far as an entry has it. */
export const SnapshotExtra = struct('snapshot extra data', {
  stateSize: u64,
  virtualSize: u64,
  instructions: u64,
});

/** qcow2.rst, "Header": `crypt_method`. */
export const CRYPT_METHODS = { none: 0, aes: 1, luks: 2 } as const;

/** qcow2.rst, "Header": `incompatible_features`. Any other bit refuses the image. */
export const Incompatible = {
  dirty: 1n << 0n,
  corrupt: 1n << 1n,
  dataFile: 1n << 2n,
  compressionType: 1n << 3n,
  extendedL2: 1n << 4n,
} as const;

/** qcow2.rst, "Header": `compatible_features`. */
export const Compatible = { lazyRefcounts: 1n << 0n } as const;

/**
 * qcow2.rst, "Header": `autoclear_features`. `control` is ours: QEMU clears it as it does all that
 * it does not know, when it opens an image for writing.
 */
export const Autoclear = { bitmaps: 1n << 0n, rawData: 1n << 1n, control: 1n << 62n } as const;

/** What QEMU accepts, so that it opens what we write and we need no more memory than it. */
export const Limit = {
  clusterBits: { min: 9, max: 21 },
  /** qcow2.rst: a subcluster has 512 bytes at least. */
  extendedClusterBits: 14,
  refcountOrder: 6,
  l1Bytes: 32 * 1024 * 1024,
  refcountTableBytes: 8 * 1024 * 1024,
  backingName: 1023,
  backingFormat: 15,
  snapshots: 65_536,
  snapshotTableBytes: 64 * 1024 * 1024,
  bitmaps: 65_535,
  bitmapDirectoryBytes: 65_535 * 1024,
  hostOffset: 2 ** 53 - 1,
} as const;
