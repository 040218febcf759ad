export type BackupSync = 'full' | 'top' | 'none' | 'incremental' | 'bitmap';
export type BitmapMode = 'on-success' | 'never' | 'always';
export type ErrorAction = 'report' | 'ignore' | 'enospc' | 'stop' | 'auto';

/** qapi BackupCommon, by its members' names. */
export interface BackupOptions {
  readonly 'job-id'?: string | undefined;
  /** Of the node that is copied. */
  readonly device: string;
  readonly sync: BackupSync;
  /** Bytes in a second; 0, the default: no limit. */
  readonly speed?: number | undefined;
  readonly bitmap?: string | undefined;
  readonly 'bitmap-mode'?: BitmapMode | undefined;
  readonly compress?: boolean | undefined;
  readonly 'on-source-error'?: ErrorAction | undefined;
  readonly 'on-target-error'?: ErrorAction | undefined;
  readonly 'auto-finalize'?: boolean | undefined;
  readonly 'auto-dismiss'?: boolean | undefined;
  readonly 'filter-node-name'?: string | undefined;
  readonly 'x-perf'?:
    | {
        readonly 'use-copy-range'?: boolean | undefined;
        readonly 'max-workers'?: number | undefined;
        readonly 'max-chunk'?: number | undefined;
      }
    | undefined;
}
