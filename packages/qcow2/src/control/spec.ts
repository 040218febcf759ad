import { bytes, reserved, struct, u16, u32, u64 } from '@tidemark/core';

/** "TIDE", an extension of our own. QEMU keeps what it does not know, byte for byte. */
export const CONTROL_EXTENSION = 0x54494445;

export const CONTROL_VERSION = 1;

/** The fixed part; the table of tokens follows, then `ControlTail`. All sizes are bytes. */
export const ControlHead = struct('control extension', {
  version: u32,
  flags: u32,
  /** Grows by one with each write of a header that carries the extension. */
  sequence: u64,
  storeId: bytes(16),
  sessionId: bytes(16),
  /** Nanoseconds since 1970, as are the three times below. */
  leaseUntil: u64,
  driveSize: u64,
  /** Of a block device these four are the fingerprint instead: 32 bytes, zeros for none. */
  modified: u64,
  changed: u64,
  born: u64,
  inode: u64,
  device: u64,
  writtenSectors: u64,
  diskSequence: u64,
  bootId: bytes(16),
  /** Of the bitmap directory that was in place; 0 where there was none. */
  directoryOffset: u64,
  /** CRC-32 of the directory's bytes. */
  directoryCrc: u32,
  tokenCount: u32,
});

export const ControlTail = struct('control extension', {
  /** Bit i: entry i of the directory is valid while it is in use. */
  liveEntries: u32,
  /** CRC-32 of all before it. */
  crc: u32,
});

/** The checkpoint of one bitmap, which is known by its name. */
export const ControlToken = struct('checkpoint token', {
  /** CRC-32. */
  nameCrc: u32,
  /** Bytes; 0: nothing is in this slot. */
  nameLength: u16,
  reserved: reserved(2),
  checkpoint: bytes(16),
});

export const TOKEN_SIZE: number = ControlToken.size;
export const MAX_TOKENS = 8;

/** Bytes of the extension's data with so many slots for tokens. */
export function controlSize(slots: number): number {
  return ControlHead.size + slots * TOKEN_SIZE + ControlTail.size;
}

/**
 * `flags`. Just one of `idle`, `busy` and `lent` is set. `sidecar`: the bitmaps are of another file. `unbound`:
 * nothing is known of the drive, or of the image's file.
 */
export const ControlFlag = {
  sidecar: 1,
  busy: 2,
  idle: 4,
  blockDevice: 8,
  unbound: 16,
  lent: 32,
} as const;

export const KNOWN_CONTROL_FLAGS: number = Object.values(ControlFlag).reduce(
  (all, flag) => all | flag,
  0,
);
