/**
 * Where the parts of a disk go that are copied in order, each once, such as a new image that is
 * written from front to back. Offsets and lengths are whole units, but for the end of the disk.
 */
export interface ImageTarget {
  /** Names it in messages. */
  readonly label: string;
  /** Bytes of the disk. */
  readonly size: number;
  /** Room for the content at `offset`; it may be shorter than asked for. Filled before `ready`. */
  room(offset: number, length: number): Uint8Array;
  /** The room of the last call is filled when this resolves. */
  waitFor(read: Promise<void>): void;
  /** Undefined: go on at once. @throws what reads and writes threw */
  ready(): Promise<void> | undefined;
  /** The disk reads as zeros there. */
  zeros(offset: number, length: number): Promise<void>;
}
