/**
 * Begins the name of each bitmap that a hand-over makes. They are there from the instant in which a
 * drive is let go of until somebody goes on with it.
 */
export const PARKED_PREFIX = 'x-tidemark-handover-';

/** A bitmap that ends with its process, and the one in the drive's store that holds its bits. */
export interface ParkedBitmap {
  readonly name: string;
  /** Bytes. */
  readonly granularity: number;
  readonly enabled: boolean;
  readonly stored: string;
}

/** A freeze, and the bitmaps in the drive's store that hold both of its sets of bits. */
export interface ParkedFreeze {
  readonly name: string;
  readonly id: string;
  readonly bits: string;
  readonly successor: string;
}

/** What a drive has in memory only, by where it is in its store while nobody has the drive open. */
export interface ParkedBitmaps {
  /** Name of the bitmap that only who goes on with the drive removes. */
  readonly marker: string;
  readonly bitmaps: readonly ParkedBitmap[];
  readonly freezes: readonly ParkedFreeze[];
}
