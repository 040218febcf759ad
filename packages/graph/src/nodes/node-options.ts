import type { NbdClientTls } from '@tidemark/nbd';
import type { TrackingErrorPolicy } from '@tidemark/tracking';

// Members are named as in QMP: what a client sends is what the graph takes.

interface CommonOptions {
  readonly 'node-name'?: string | undefined;
  readonly 'read-only'?: boolean | undefined;
  /** Opens it for reading where it cannot be written. */
  readonly 'auto-read-only'?: boolean | undefined;
  readonly 'force-share'?: boolean | undefined;
  readonly discard?: 'ignore' | 'unmap' | undefined;
  readonly 'detect-zeroes'?: 'off' | 'on' | 'unmap' | undefined;
}

/** What becomes of the bitmaps of a node that is written; see the daemon's `-drive`. */
export interface TrackingOptions {
  readonly 'x-tidemark-durability'?: 'live' | 'close' | undefined;
  readonly 'x-tidemark-on-tracking-error'?: TrackingErrorPolicy | undefined;
  /** Bytes. */
  readonly 'x-tidemark-tracking-bound'?: number | undefined;
}

export interface FileOptions extends CommonOptions, TrackingOptions {
  readonly driver: 'file' | 'host_device';
  readonly filename: string;
  readonly locking?: 'auto' | 'on' | 'off' | undefined;
}

export interface RawOptions extends CommonOptions, TrackingOptions {
  readonly driver: 'raw';
  readonly file: NodeReference;
  /** Bytes. */
  readonly offset?: number | undefined;
  /** Bytes. */
  readonly size?: number | undefined;
}

export interface Qcow2Options extends CommonOptions, TrackingOptions {
  readonly driver: 'qcow2';
  readonly file: NodeReference;
  /** Null: none. Left out: what the image names. */
  readonly backing?: NodeReference | null | undefined;
  readonly 'data-file'?: NodeReference | undefined;
}

export interface NbdOptions extends CommonOptions, TrackingOptions {
  readonly driver: 'nbd';
  readonly server:
    | { readonly type: 'unix'; readonly path: string }
    | { readonly type: 'inet'; readonly host: string; readonly port: string };
  readonly export?: string | undefined;
  readonly tls?: NbdClientTls | undefined;
  /** Seconds. */
  readonly 'reconnect-delay'?: number | undefined;
}

export interface NullOptions extends CommonOptions {
  readonly driver: 'null-co';
  /** Bytes. Default 1 GiB. */
  readonly size?: number | undefined;
}

export interface MemoryOptions extends CommonOptions {
  readonly driver: 'memory';
  /** Bytes. */
  readonly size: number;
}

/** What a node is made of, as `blockdev-add` has it, by its driver. */
export type NodeOptions =
  | FileOptions
  | RawOptions
  | Qcow2Options
  | NbdOptions
  | NullOptions
  | MemoryOptions;

/** The name of a node that is there, or a node of its own. */
export type NodeReference = string | NodeOptions;
