import type { BlockDevice } from '@tidemark/block';
import type { DirtyBitmap } from '@tidemark/core';

/** What of a disk is read. */
export type ImageDevice = Pick<BlockDevice, 'label' | 'size' | 'read' | 'extents'>;

/** What the holder of a ticket's id may read. Nobody writes by one. */
export interface Ticket {
  /** Belongs to who made the ticket: it is never closed here. */
  readonly device: ImageDevice;
  /**
   * Which parts are told of as dirty, as they are when it is called. Absent: the ticket is not of an
   * incremental backup. What it throws of BITMAP codes is told of as "no dirty extents are to be had",
   * after which a client makes a full backup.
   */
  readonly bitmap?: (() => DirtyBitmap | Promise<DirtyBitmap>) | undefined;
  /** Milliseconds since 1970, from which on it counts no more. */
  readonly expires?: number | undefined;
  /** Ends what is being read by it. */
  readonly signal?: AbortSignal | undefined;
  /** How a browser is to call the file. */
  readonly filename?: string | undefined;
}

/** Who knows the tickets. Their ids are what a client has to know, so they are secrets. */
export interface TicketSource {
  find(id: string): Ticket | undefined | Promise<Ticket | undefined>;
}
