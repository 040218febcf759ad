import type { DriveFacts } from '@tidemark/block';
import type { Control, FoundControl } from './control/control.ts';
import type { HostRange } from './util/range-set.ts';

/** qcow2.rst, "Bitmaps extension": where the bitmap directory lies. Bytes. */
export interface BitmapsPointer {
  readonly bitmapCount: number;
  readonly directoryOffset: number;
  readonly directorySize: number;
}

export interface CommitOptions {
  /**
   * The control extension to put beside the pointer; called when nothing else can change the header
   * any more. Default: the one that is there stays, and is not vouched for.
   */
  readonly control?: (() => Control) | undefined;
  /**
   * Whether bitmaps are there that are not in use: only then does QEMU make durable that it has
   * cleared the autoclear bit. Default false.
   */
  readonly hasBitmapsAtRest?: boolean;
  /**
   * Bytes, in whole sectors: the disk has this size from the commit on. What is added is zeros.
   * Default: the size that it has.
   */
  readonly virtualSize?: number | undefined;
}

/**
 * An open image as the bitmaps in it see it: host clusters to allocate and to free, and the one
 * pointer in the header that is theirs. Offsets are host offsets: bytes in the image file.
 * Whatever would change the file fails with BITMAP_INCONSISTENT once somebody has cut it short: zeros
 * in the place of bits would be clean ones. Durably, none of its bitmaps is trusted then.
 */
export interface ImageMetadata {
  readonly label: string;
  readonly writable: boolean;
  /** 2 or 3. Version 2 holds no bitmaps. */
  readonly version: number;
  /** Bytes of the disk. */
  readonly virtualSize: number;
  /** Bytes. */
  readonly clusterSize: number;
  /** Bytes of the image file; what is read behind it is zeros. */
  readonly fileSize: number;
  /** Absent: the image has no bitmaps, or `bitmapsLost`. Another object after each commit. */
  readonly bitmaps: BitmapsPointer | undefined;
  /** A bitmaps extension is there, but its autoclear bit is not: none of it may be trusted. */
  readonly bitmapsLost: boolean;
  /** The control extension, if there is one. */
  readonly control: FoundControl | undefined;
  /** Whether the next commit can put a bitmaps extension into the header. */
  readonly hasRoomForBitmaps: boolean;
  /** Whether the next commit can put a control extension beside a pointer. */
  readonly hasRoomForControl: boolean;

  /** `tell` hears, once, that the file was cut short and that no bitmap in it is trusted any more. */
  onCut?(tell: (message: string) => void): void;
  /** What the system says of the image's file. Undefined: nothing can be learned. */
  fileFacts(): Promise<DriveFacts | undefined>;
  /** Whether the header is on disk as it was read: nobody has changed the image's metadata since. */
  isCurrent(): Promise<boolean>;
  readHost(target: Uint8Array, offset: number): Promise<void>;
  /** As `readHost`, in this tick, see `BlockDevice.readBlocking`. @returns false: it cannot */
  readHostBlocking(target: Uint8Array, offset: number): boolean;
  /**
   * Writes inside clusters got from `allocate`. Where they are linked already, both what was there
   * and what is written, and any mix of their sectors, has to be sound.
   */
  writeHost(source: Uint8Array, offset: number): Promise<void>;
  /** Contiguous clusters with refcount 1; their content is undefined. @throws NO_SPACE */
  allocate(clusterCount: number): Promise<number>;
  /** Makes durable what was allocated and written: from then on a link to it may be written. */
  settle(): Promise<void>;
  /** Makes durable what was written, and nothing of what is still in memory. */
  sync(): Promise<void>;
  /**
   * Drops one reference of each. Only after the commit that unlinked them is durable.
   * @throws IMAGE_CORRUPT where one of them holds other metadata: none is dropped
   */
  free(offset: number, clusterCount: number): Promise<void>;
  /**
   * Gives back clusters that nothing points to, in an image that holds no guest data and no
   * snapshot. `kept`: all that bitmaps are made of. @returns how many were given back
   */
  reclaimLeaks(kept: readonly HostRange[]): Promise<number>;
  /** @throws OUT_OF_RANGE, IMAGE_UNSUPPORTED: the disk cannot have this size; RangeError */
  checkSize(virtualSize: number): void;
  /**
   * Puts `pointer` in the header, with the autoclear bit (without a pointer: neither), in this
   * order: all that was written so far is flushed; one write of sector 0, the commit point; flush.
   * @throws I/O codes, NO_SPACE: the header is as before where `isUnchanged` of core says so
   */
  commitBitmaps(pointer: BitmapsPointer | undefined, options?: CommitOptions): Promise<void>;
  /**
   * Changes the control extension, and nothing else, durably: one write of sector 0. `change` gets
   * the one that is there. Does nothing where there is none, or `change` has none to put there.
   */
  commitControl(change: (now: Control) => Control | undefined): Promise<void>;
}
