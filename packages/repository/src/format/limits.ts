/** docs/repository-format.md, "Limits". Each is checked before anything is allocated by it. */

/** Bytes of a digest: SHA-256, keyed where the repository is encrypted. */
export const DIGEST_SIZE = 32;
/** Bytes of a whole pack. Writers close one when it has `PACK_TARGET`. */
export const MAX_PACK_SIZE: number = 256 * 1024 * 1024;
export const PACK_TARGET: number = 32 * 1024 * 1024;
export const MAX_BLOBS_IN_PACK = 65_536;
/** Bytes of a blob, plain: the largest granule. Nodes are smaller. */
export const MAX_BLOB_SIZE: number = 1024 * 1024;
/** Of a pack: makes its name one that no other pack ever has. */
export const SALT_SIZE = 32;
/** What encryption adds to a blob. */
export const SEAL_SIZE = 16;
/** Children of a node of a map. */
export const FAN_OUT = 1024;
export const MAX_MANIFEST_SIZE: number = 64 * 1024;
export const MAX_ROOT_SIZE: number = 16 * 1024 * 1024;
export const MAX_POINTS = 20_000;
export const MAX_DRIVES = 20_000;
export const MAX_CONDEMNED = 65_536;
/** Granules in a record of what was read. */
export const MAX_TRY_ENTRIES = 65_536;
/** Packs of a repository: bounds what is listed and remembered. */
export const MAX_PACKS = 4_000_000;
