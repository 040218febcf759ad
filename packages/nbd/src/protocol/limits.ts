/** Bytes of one read, write or cache request. QEMU and libnbd ask for no more. */
export const MAX_REQUEST_BYTES: number = 32 * 1024 * 1024;

/** Bytes of an option's payload, and of the payload of a reply to one; 8 KiB are usual. */
export const MAX_OPTION_BYTES: number = 1024 * 1024;

/** Bytes of UTF-8 in a name, a description or an error text (proto.md, "Values"). */
export const MAX_STRING_BYTES = 4096;

/** Bytes that a trim, a write of zeros or a block status may name: the field is a u32. */
export const MAX_EFFECT_BYTES: number = 2 ** 32 - 1;

/** Requests of one connection that are worked on at a time. */
export const MAX_REQUESTS_IN_FLIGHT = 16;

/** Extents in one block status chunk. */
export const MAX_EXTENTS = 131_072;

/** Extents in one block status chunk that a client takes: nbdkit sends more than QEMU. */
export const MAX_EXTENTS_TAKEN: number = 2 ** 20;

/** Exports in one list, and contexts in one answer: what a client takes from a server. */
export const MAX_LISTED = 65_535;

/** Milliseconds that a handshake may take. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
