/** Bytes of one read, write or cache request. QEMU and libnbd ask for no more. */
export const MAX_REQUEST_BYTES: number = 32 * 1024 * 1024;

/** Bytes of an option's payload, and of the payload of a reply to one; 8 KiB are usual. */
export const MAX_OPTION_BYTES: number = 1024 * 1024;

/** Bytes of UTF-8 in a name, a description or an error text (proto.md, "Values"). */
export const MAX_STRING_BYTES = 4096;

/** Requests that a client has under way at a time, as QEMU's has. */
export const MAX_REQUESTS_IN_FLIGHT = 16;

/** Extents in one block status chunk that a client takes: nbdkit sends more than QEMU. */
export const MAX_EXTENTS_TAKEN: number = 2 ** 20;

/** Milliseconds that a handshake may take, TLS and all. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
