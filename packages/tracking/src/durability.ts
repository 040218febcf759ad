import type { StorePlace } from '@tidemark/checkpoint';
import type { BitmapInfo, BitmapStore, DirtyBitmap, PreparedCommit } from '@tidemark/core';
import type { DriveBitmap } from './drive-bitmap.ts';
import type { MadeBitmap } from './restructuring.ts';

/** What happens to the bitmaps of one store, all of it at once or none. */
export interface StoreChange {
  readonly created?: readonly MadeBitmap[];
  /** With the flags and bits that they are to have. */
  readonly changed?: readonly MadeBitmap[];
  readonly removed?: readonly string[];
  /** Puts back what an earlier change of the same transaction has changed. */
  readonly isUndo?: boolean;
}

/**
 * How the bitmaps of one store are kept safe while their drive is written. All that a drive asks of
 * its stores goes through here.
 */
export interface Durability {
  readonly persistent: boolean;
  readonly label: string;
  /** For whoever has to find the store again. */
  readonly place: StorePlace;
  /** Bytes. */
  readonly diskSize: number;
  readonly writable: boolean;
  /** Whether flags and bits that change are stored at once, and not when their use ends. */
  readonly storesAtOnce: boolean;
  keepsIn(store: BitmapStore): boolean;
  list(): Promise<readonly BitmapInfo[]>;
  load(name: string): Promise<DirtyBitmap>;
  /** Whether the truth about a bitmap is in memory. `taken`: it was acquired, or is new and records. */
  holds(bitmap: { readonly enabled: boolean }, taken: boolean): boolean;
  /** Takes bitmaps to record in. Only after this resolves may a write rely on them. */
  acquire(names: readonly string[]): Promise<ReadonlyMap<string, DirtyBitmap>>;
  /** In the tick from which these record: their bits are now what the next change stores. */
  begin(recording: readonly DriveBitmap[]): void;
  /** The commit point of a change. */
  restructure(change: StoreChange): Promise<void>;
  /** `restructure` in two: see `BitmapStore.prepare`. Neither half is left out by who calls it. */
  prepare(change: StoreChange): Promise<PreparedCommit>;
  /** What began has become the truth, or is not to be: only these record from now on. */
  end(recording: readonly DriveBitmap[]): void;
  /** Ends the use of acquired bitmaps: what was recorded is stored. */
  release(bitmaps: readonly DriveBitmap[]): Promise<void>;
  /**
   * Makes sure that nobody trusts what is on disk of bitmaps that record, whatever is written from
   * then on without a mark. @throws where that cannot be made sure of: they have to be marked still
   */
  abandon(bitmaps: readonly DriveBitmap[]): Promise<void>;
  /** Whether `resize` can do anything but refuse. */
  readonly resizable: boolean;
  /**
   * Gives all bitmaps of the store another size, durably. The bits in memory follow in `resized`,
   * or not at all: until then they are as they were. Nobody writes, and no mark is under way.
   */
  resize(diskSize: number, options: ResizeDurably): Promise<void>;
  /** The disk has the size, durably, that the store was resized to. */
  confirmSize(): Promise<void>;
  /** In the tick from which these bits, by the old ones that they are in place of, are the truth. */
  resized(bits: ReadonlyMap<DirtyBitmap, DirtyBitmap>): void;
  close(): Promise<void>;
}

export interface ResizeDurably {
  /** Those of the store. */
  readonly recording: readonly DriveBitmap[];
  /** Puts back the size that the store had before. */
  readonly isUndo?: boolean;
}
