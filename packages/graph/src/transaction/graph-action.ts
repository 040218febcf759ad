import type { TidemarkError } from '@tidemark/core';
import type { DriveAction, TrackedDrive } from '@tidemark/tracking';
import type { BackupOptions } from '../jobs/backup-options.ts';

type GraphMergeSource = string | { readonly node: string; readonly name: string };

/** A new file that a backup goes to. */
export interface BackupFile {
  /** Path. */
  readonly target: string;
  /** Default: the source's. */
  readonly format?: string | undefined;
  /** Whether the file is there already. Default `absolute-paths`: it is made, over what is there. */
  readonly mode?: 'existing' | 'absolute-paths' | undefined;
}

/** One step of a transaction, as QMP has it, with nodes by their names. */
export type GraphAction =
  | {
      readonly op: 'add';
      readonly node: string;
      readonly name: string;
      readonly granularity?: number;
      readonly persistent: boolean;
      readonly disabled: boolean;
    }
  | {
      readonly op: 'remove' | 'clear' | 'enable' | 'disable';
      readonly node: string;
      readonly name: string;
    }
  | {
      readonly op: 'merge';
      readonly node: string;
      readonly target: string;
      readonly sources: readonly GraphMergeSource[];
    }
  | { readonly op: 'backup'; readonly options: BackupOptions & { readonly target: string } }
  | { readonly op: 'drive-backup'; readonly options: BackupOptions & BackupFile }
  /** What else begins in the instant of the transaction. */
  | {
      readonly op: 'instant';
      readonly node: string;
      readonly steps: (drive: TrackedDrive) => readonly DriveAction[];
    }
  /** Fails the transaction with this error when its turn comes. */
  | { readonly op: 'abort'; readonly error: TidemarkError };
