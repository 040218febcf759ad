import type { HostFile } from '../io/host-file.ts';
import type { Allocation } from '../refcounts/allocator.ts';

/** Where guest clusters keep their data: in the image itself, or in a data file. Host offsets. */
export interface GuestData {
  /** Where it is read. */
  readonly file: HostFile;
  /** Its bytes are the disk's, whatever the map says: what reads as zeros has to be zeros there. */
  readonly isRaw: boolean;
  /** Of a data file: an offset in it is the same as on the disk. */
  readonly isExternal: boolean;
  write(source: Uint8Array, host: number): Promise<void>;
  /** A place for guest clusters in a row, the first at byte `guest`; for one of them at least. */
  allocate(guest: number, clusterCount: number): Promise<Allocation>;
  /** What was allocated and never linked is given back. */
  abandon(place: Allocation): Promise<void>;
  /** Inside `mutex`: no entry in memory leads there any more. */
  unlink(host: number, clusterCount: number): void;
  /** Nothing of what was dropped is read again before it is written. */
  discard(host: number, length: number): Promise<void>;
  /** @throws IMAGE_CORRUPT where metadata lies there */
  assertData(host: number, length: number): void;
  /**
   * Of a data file: makes it as long as a disk of `to` bytes, with zeros from byte `from` on.
   * @throws DEVICE_UNSUPPORTED, NO_SPACE
   */
  resize?(from: number, to: number): Promise<void>;
  /** Before a link to it is written. */
  flush(): Promise<void>;
}
