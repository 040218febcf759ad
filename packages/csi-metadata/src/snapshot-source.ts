/** A range of a snapshot. Bytes. */
export interface SnapshotRange {
  readonly offset: number;
  readonly length: number;
}

/** Ranges of a snapshot, found as they are asked for. */
export interface SnapshotRanges {
  /** Of the whole volume, in bytes. */
  readonly size: number;
  /**
   * In order, without overlaps, up to the end, from the range on that holds or follows `offset`. One
   * that begins before may be told whole. @throws as `SnapshotSource`
   */
  from(offset: number): AsyncIterable<SnapshotRange>;
}

/** Who has snapshots. Anything that it throws but a `SnapshotError` is a failure of its own. */
export interface SnapshotSource {
  /** What a snapshot holds that is not zeros. @throws SnapshotError */
  allocated(id: string): Promise<SnapshotRanges>;
  /**
   * Where the target is not as the base was: never less than that. @throws SnapshotError, where that is
   * not known above all
   */
  delta(baseId: string, targetId: string): Promise<SnapshotRanges>;
}

/** As CSI's specification has them for these calls, and what gRPC has for data that is damaged. */
export type SnapshotErrorCode =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'FAILED_PRECONDITION'
  | 'OUT_OF_RANGE'
  | 'DATA_LOSS';

/** What a client is told. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
  readonly code: SnapshotErrorCode;

  constructor(code: SnapshotErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
