import type { TidemarkError } from '@tidemark/core';
import type * as v from 'valibot';
import type { ExportOptions } from './block/export-schema.ts';
import type { QmpNodeOptions } from './block/node-schema.ts';
import type { BlockdevBackup, DriveBackup } from './jobs/backup-schema.ts';
import type { JsonObject } from './json/json-value.ts';

/** What QMP tells of a bitmap: qapi BlockDirtyInfo. */
export interface QmpBitmap {
  readonly name: string;
  /** Bytes. */
  readonly granularity: number;
  readonly recording: boolean;
  readonly persistent: boolean;
  readonly busy: boolean;
  readonly inconsistent: boolean;
  /** The id of the freeze in which it stands still. */
  readonly frozen?: string;
  /** Since when it records, as its last release named that instant. */
  readonly checkpoint?: string;
  /**
   * The session before was not closed, and the bitmap is valid all the same. Bytes: what is dirty,
   * and what of that lies in regions that were marked as a whole, written or not.
   */
  readonly recovered?: { readonly dirty: number; readonly wholeRegions: number };
  /** Bytes. */
  readonly count: number;
}

/** What QMP tells of a drive: the part of qapi BlockDeviceInfo that differs between drives. */
export interface QmpBlockInfo {
  /** The format: `qcow2`, `raw`. */
  readonly driver: string;
  readonly file: string;
  /** Absolute, without symbolic links; of a file or device of this machine. */
  readonly path?: string | undefined;
  readonly readOnly: boolean;
  /** Bytes of the disk. */
  readonly virtualSize: number;
  /** Bytes that the file takes up. Default 0. */
  readonly actualSize?: number;
  /** Bytes; of formats that have clusters. */
  readonly clusterSize?: number;
  /** What the image says that is behind it. */
  readonly backingFile?: string;
  /** Nodes behind it. Default 0. */
  readonly backingDepth?: number;
  /** Present while writes wait because they cannot be marked in bitmaps. */
  readonly trouble?: QmpTrouble;
}

interface QmpTrouble {
  /** For people. */
  readonly reason: string;
  /** Room on the disk would mend it. */
  readonly isFull: boolean;
}

/** How a freeze ends: with what was written since it began, or as if there had been none. */
export type QmpRelease = { readonly name: string; readonly id: string } & (
  | { readonly clear: false }
  | { readonly clear: true; readonly checkpoint?: string | undefined }
);

/** Requests of one kind, those that failed included. */
export interface QmpRequestCount {
  readonly requests: number;
  readonly bytes: number;
  readonly errors: number;
}

/** A drive as QMP sees it. */
export interface QmpNode {
  /** Node name and device name at once. */
  readonly name: string;
  blockInfo(): Promise<QmpBlockInfo>;
  /** What clients have asked of it. */
  counts(): Readonly<Record<'read' | 'write' | 'flush' | 'unmap', QmpRequestCount>>;
  /** Newest first, as QEMU has them. */
  bitmaps(): Promise<readonly QmpBitmap[]>;
  /** @throws BITMAP_NOT_FOUND */
  sha256(bitmap: string): Promise<string>;
  /** Lets the bits of a bitmap stand still for whoever reads them. @returns the freeze's id */
  freeze(bitmap: string): Promise<string>;
  /** Ends that very freeze. @throws BITMAP_INVALID: there is none with this id */
  release(request: QmpRelease): Promise<void>;
  /** Writes bitmaps, as they are in one instant, into a new file where the server is. */
  exportBitmaps(names: readonly string[], path: string): Promise<void>;
  /** Gives the disk another size, in bytes, and its bitmaps with it; all of it or nothing. */
  resize(size: number): Promise<void>;
}

/** A bitmap that is merged into another: of the same node, or of the one that is named. */
export type QmpMergeSource = string | { readonly node: string; readonly name: string };

/** A bitmap action. Its node is one of `nodes()`; of what stands in a merge's sources too. */
export type QmpAction =
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
      readonly sources: readonly QmpMergeSource[];
    }
  | { readonly op: 'backup'; readonly options: v.InferOutput<typeof BlockdevBackup> }
  | { readonly op: 'drive-backup'; readonly options: v.InferOutput<typeof DriveBackup> }
  /** Fails the transaction with this error when its turn comes. */
  | { readonly op: 'abort'; readonly error: TidemarkError };

/** A bitmap that is to come back by a backup. */
export interface QmpRescanRequest {
  /** One of `nodes()`. */
  readonly node: string;
  readonly name: string;
  /** Of restore points; a path where the server is. */
  readonly directory: string;
  /** Default: the newest that began the bitmap. */
  readonly point?: string;
  /** What the backups know the drive by. Default: its path. */
  readonly driveId?: string;
  /** Nothing is taken for proven by another bitmap. */
  readonly all?: boolean;
}

/** Bytes. */
export interface QmpRescan {
  readonly node: string;
  readonly name: string;
  readonly directory: string;
  readonly point: string;
  readonly status: 'running' | 'completed' | 'cancelled' | 'failed';
  readonly done: number;
  readonly total: number;
  readonly clean: number;
  readonly dirty: number;
  /** Of `clean`, what was not read, and the bitmap that tells it. */
  readonly known: number;
  readonly trusts?: string;
  /** Why it failed. */
  readonly error?: string;
}

/** Work that goes on after its command is answered. */
export interface QmpRescans {
  /** Resolves when the bitmap is in place, and the drive is going to be compared. */
  begin(request: QmpRescanRequest): Promise<void>;
  /** The last one of each bitmap. */
  list(): readonly QmpRescan[];
  /** Of one that is over, nothing. @throws BITMAP_NOT_FOUND: there was none */
  cancel(bitmap: { readonly node: string; readonly name: string }): void;
}

/** Drives as they are in one instant, for who copies them while they are written. */
export interface QmpView {
  readonly drives: readonly {
    readonly node: string;
    readonly bitmap: string | undefined;
    readonly isRead: boolean;
    readonly begin:
      | { readonly name: string; readonly granularity?: number | undefined }
      | undefined;
    /** Bitmaps that can be read there as well, as they are at the instant. */
    readonly shows: readonly string[] | undefined;
    /** Bytes. */
    readonly onlyDirty: number | undefined;
  }[];
  readonly scratch?: string;
}

/** Views of one instant that clients open; each ends with the connection of its client. */
export interface QmpViews {
  open(view: QmpView, client: object): Promise<{ readonly id: string; readonly socket: string }>;
  close(
    id: string,
    end:
      | { readonly keep: false }
      | { readonly keep: true; readonly checkpoint?: string | undefined },
  ): Promise<void>;
  /** Bitmaps that began with it stay, however it ends. */
  hold(id: string): Promise<void>;
  /** The client is gone, and so are its views. */
  abandon(client: object): Promise<void>;
}

/** Where an NBD server is to listen, as `nbd-server-start` has it. */
export interface QmpNbdServer {
  readonly address:
    | { readonly type: 'unix'; readonly path: string }
    | { readonly type: 'inet'; readonly host: string; readonly port: number };
  /** 0: any number. */
  readonly maxConnections: number;
  /** Id of an object. */
  readonly tlsCreds?: string;
  /** Id of an object. */
  readonly tlsAuthz?: string;
}

/** An export, as `query-block-exports` tells of it. */
export interface QmpExport {
  readonly id: string;
  readonly type: string;
  readonly node: string;
  readonly shuttingDown: boolean;
}

/** qapi JobInfo and BlockJobInfo. What its functions throw goes to the client. */
export interface QmpJob {
  readonly id: string;
  readonly type: string;
  readonly status: string;
  /** Bytes. */
  readonly current: number;
  /** Bytes. */
  readonly total: number;
  readonly error: string | undefined;
  readonly autoFinalize: boolean;
  readonly autoDismiss: boolean;
  readonly ioStatus: string;
  readonly busy: boolean;
  readonly paused: boolean;
  /** Bytes in a second. */
  readonly speed: number;
  pause(): void;
  resume(): void;
  cancel(): void;
  complete(): void;
  finalize(): void;
  dismiss(): void;
  setSpeed(speed: number): void;
}

/** Nodes, exports and jobs that come and go. What it throws goes to the client. */
export interface QmpBlockLayer {
  addNode(options: QmpNodeOptions): Promise<unknown>;
  removeNode(name: string): Promise<void>;
  reopenNodes(options: readonly QmpNodeOptions[]): Promise<void>;
  startNbd(server: QmpNbdServer): Promise<void>;
  stopNbd(): Promise<void>;
  addExport(options: Omit<v.InferOutput<typeof ExportOptions>, 'type' | 'iothread'>): Promise<void>;
  removeExport(id: string, mode: 'safe' | 'hard'): Promise<void>;
  /** Newest first. */
  listExports(): readonly QmpExport[];
  /** Newest first. */
  jobs(): readonly QmpJob[];
}

/** Where the other daemon of a hand-over listens. */
export type QmpHandOverAddress =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'inet'; readonly host: string; readonly port: number };

/** A drive that another daemon is going to hand over. */
export interface QmpExpected {
  readonly node: QmpNodeOptions;
  readonly address: QmpHandOverAddress;
  /** Ids of objects. */
  readonly tlsCreds?: string;
  readonly tlsAuthz?: string;
}

/** A drive that is to go to another daemon. */
export interface QmpGiven {
  /** Its name. */
  readonly node: string;
  readonly to: QmpHandOverAddress;
  /** Id of an object. */
  readonly tlsCreds?: string;
  /** Who the other side has to be. Default: the host. */
  readonly tlsHostname?: string;
  /** Milliseconds for each answer. */
  readonly timeout: number;
}

/** A hand-over of a drive, at one of its two ends. */
export interface QmpHandOver {
  readonly node: string;
  readonly role: 'source' | 'target';
  readonly status: string;
  readonly reason?: string;
}

/** Drives that go from one daemon to another while they are written. */
export interface QmpHandOvers {
  /** @returns where it has to go */
  expect(expected: QmpExpected): Promise<QmpHandOverAddress>;
  cancel(node: string): Promise<void>;
  /** Resolves when the other side has it. @throws who has it else */
  give(given: QmpGiven): Promise<void>;
  resume(node: string): Promise<void>;
  /** The last one of each node. */
  list(): readonly QmpHandOver[];
}

/** Something that clients are told unasked. */
export interface QmpEvent {
  readonly name: string;
  readonly data: JsonObject;
}

/** What a QMP server works on. It is asked for one change at a time. */
export interface QmpTarget {
  /** Oldest first. */
  nodes(): ReadonlyMap<string, QmpNode>;
  /**
   * Makes all of the changes, in order, or none. Messages of what it throws go to the client, so
   * they are QEMU's for the errors that QEMU has.
   */
  transaction(
    actions: readonly QmpAction[],
    options?: { readonly grouped: boolean },
  ): Promise<void>;
  readonly block: QmpBlockLayer;
  /** Tells what happens from now on, until the function that it returns is called. */
  listen(listener: (event: QmpEvent) => void): () => void;
  readonly rescans: QmpRescans;
  readonly views: QmpViews;
  /**
   * Reads the configuration again and makes all that differs as it says. Absent: there is none.
   * @throws what is wrong with it: all is as it was
   */
  reload?(): Promise<void>;
  readonly handOvers: QmpHandOvers;
  /** The client has its answer; the program is to end cleanly. */
  quit(): void;
}
