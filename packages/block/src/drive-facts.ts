import type { BlockDevice } from './block-device.ts';

/**
 * What can be learned of a drive without reading it, and changes when it is written. Times are
 * nanoseconds since 1970, as unsigned 64-bit numbers.
 */
export type DriveFacts = FileFacts | BlockDeviceFacts;

/** stat(2) of a regular file. */
export interface FileFacts {
  readonly kind: 'file';
  /** Bytes. */
  readonly size: number;
  /** `st_mtim`. A program can set it to what it likes. */
  readonly modified: bigint;
  /** `st_ctim`. Nobody can set it but by the clock. */
  readonly changed: bigint;
  /** `stx_btime`; 0 where the file system has none. */
  readonly born: bigint;
  readonly inode: bigint;
  /** `st_dev`: of the file system. Another one may have it after the system was started anew. */
  readonly device: bigint;
  /** Of the running kernel: 16 bytes in hex. Absent where the system does not tell. */
  readonly bootId?: string;
}

/** What Linux counts of a block device. */
export interface BlockDeviceFacts {
  readonly kind: 'block device';
  /** Bytes. */
  readonly size: number;
  /** `st_rdev`: of the device itself. */
  readonly device: bigint;
  /** Absent where the system does not count, or does not tell. */
  readonly counters?: BlockDeviceCounters;
  /** SHA-256 in hex of a sample of the content, where somebody has taken one. */
  readonly fingerprint?: string;
}

/** What the kernel counts of a block device: they tell whether it was written. */
export interface BlockDeviceCounters {
  /** `diskseq`: another one each time that something is attached under this device's number. */
  readonly diskSequence: bigint;
  /** Sectors of 512 bytes that were written or discarded since the device is there. */
  readonly writtenSectors: bigint;
  /** Of the running kernel: the counters begin anew with it. 16 bytes in hex. */
  readonly bootId: string;
}

/** What is to be true of the facts of a file before they are told. */
export interface FactsOptions {
  /**
   * First makes content and facts durable (fsync). Of a block device that includes what others have
   * written and what was not counted yet. Default false: what the system says now.
   */
  readonly durable?: boolean;
  /** Waits until the next change is bound to get a later time. Default: as `durable`. */
  readonly settled?: boolean;
  /** Gives a file the times of now, as if it were written. Default false. */
  readonly touched?: boolean;
}

/** A power of devices that others may change while nobody looks: files and block devices. */
export interface KnownByFacts {
  /** @throws DEVICE_CLOSED, I/O codes. Undefined: nothing can be learned here. */
  facts(options?: FactsOptions): Promise<DriveFacts | undefined>;
}

/** A file or a block device of the system. */
export interface FileBlockDevice extends BlockDevice, KnownByFacts {}
