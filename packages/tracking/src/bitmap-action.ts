import type { TidemarkError } from '@tidemark/core';
import type { FrozenBits } from './frozen-bits.ts';
import type { TrackedDrive } from './tracked-drive.ts';

/** A bitmap to merge from: of the same drive by its name, or of another one. */
export type MergeSource = string | { readonly drive: TrackedDrive; readonly name: string };

/** A change to a drive's bitmaps. Each has the meaning of QMP's block-dirty-bitmap command. */
export type BitmapAction =
  | {
      readonly op: 'add';
      readonly name: string;
      /** Bytes. Default: by the drive's cluster size, as in QEMU. */
      readonly granularity?: number;
      /** Kept by the drive's store beyond its close. Default false, as in QMP. */
      readonly persistent?: boolean;
      readonly disabled?: boolean;
    }
  | { readonly op: 'remove' | 'clear' | 'enable' | 'disable'; readonly name: string }
  /** Adds the sources' dirty parts to the target. No source: nothing happens. */
  | { readonly op: 'merge'; readonly target: string; readonly sources: readonly MergeSource[] }
  /** Fails the transaction with this error. */
  | { readonly op: 'abort'; readonly error: TidemarkError };

/** What begins at the instant of a transaction, with the changes of bitmaps. */
export type InstantAction =
  /** As `TrackedDrive.freeze`, at the instant of the transaction. `begun` is told in that tick. */
  | {
      readonly op: 'freeze';
      readonly name: string;
      /** What becomes of the bitmap in the end: it is changed, or stays what it is. */
      readonly use: 'change' | 'read';
      readonly begun: (freeze: FrozenBits) => void;
    }
  /** Something else that begins in that tick, and is taken back where the transaction fails. */
  | { readonly op: 'instant'; readonly begin: () => void; readonly undo: () => void };

/** One step of a transaction. */
export interface DriveAction {
  readonly drive: TrackedDrive;
  readonly action: BitmapAction | InstantAction;
}
