import type { BitmapInfo, DirtyBitmap } from '@tidemark/core';
import type { Durability } from './durability.ts';
import type { RecoveryInfo } from './recovery.ts';

/**
 * A bitmap of a drive. Never changed in place: a transaction makes new ones and puts them all in
 * the old ones' place in one tick.
 */
export interface DriveBitmap {
  /** Stays while flags and bits change. One that is removed and made again has another. */
  readonly identity: symbol;
  readonly name: string;
  readonly granularity: number;
  readonly enabled: boolean;
  /** What is not sound is kept as it is, records nothing: it can be removed, or made anew. */
  readonly condition: 'sound' | 'inconsistent' | 'unsupported';
  /** Why it is inconsistent, where its store knows. */
  readonly reason?: string | undefined;
  readonly keeper: Durability;
  /** The truth is in `content`, and the store's copy is flagged as in use. */
  readonly acquired: boolean;
  /** It was cleared or switched since it was opened: what its checkpoint says is no longer so. */
  readonly isAnew: boolean;
  /** Names the instant since which it records, unless it `isAnew`. */
  readonly checkpoint?: string | undefined;
  /** The session before ended without a close; what it calls dirty was not made anew since. */
  readonly recovered?: boolean | undefined;
  /** Absent until somebody asks, for a bitmap at rest. */
  readonly content: DirtyBitmap | undefined;
}

/** What a drive knows of a bitmap without its bits. Named as QMP's BlockDirtyInfo where they agree. */
export interface DriveBitmapState {
  readonly name: string;
  /** Bytes. */
  readonly granularity: number;
  readonly recording: boolean;
  readonly persistent: boolean;
  /** Something reads it and needs it to stay as it is, or it is being removed. */
  readonly busy: boolean;
  /** The id of the freeze in which its bits stand still, whatever is written. */
  readonly frozen?: string;
  /** Left in use by a crash, or the drive was changed without it: it can be removed, or rescanned. */
  readonly inconsistent: boolean;
  /** Why it is inconsistent, where its store knows more than that it was left in use. */
  readonly reason?: string;
  /** Since when it records, as its last release named that instant. */
  readonly checkpoint?: string;
  /** Of a kind that this version cannot read; kept as it is. */
  readonly unsupported: boolean;
  /** The drive is open for reading, so the bitmap cannot be changed. */
  readonly readonly: boolean;
}

/** What a drive says of a bitmap. */
export interface DriveBitmapInfo extends DriveBitmapState {
  /** The session before ended without a close: how much of it may be beyond what was written. */
  readonly recovered?: RecoveryInfo;
  /** Bytes: dirty granules times the granularity, which may exceed the disk. 0 unless it is sound. */
  readonly count: number;
}

export function bitmapAtRest(info: BitmapInfo, keeper: Durability): DriveBitmap {
  const { name, granularity, enabled, state, reason, checkpoint, recovered } = info;
  const condition = state === 'inconsistent' || state === 'unsupported' ? state : 'sound';
  return {
    identity: Symbol(name),
    name,
    granularity,
    enabled,
    condition,
    reason,
    keeper,
    acquired: false,
    isAnew: false,
    checkpoint,
    recovered,
    content: undefined,
  };
}

/** The bits that writes have to be marked in. */
export function recordingContent(bitmap: DriveBitmap): DirtyBitmap | undefined {
  return bitmap.enabled && bitmap.acquired ? bitmap.content : undefined;
}

export function recordingIn(
  keeper: Durability,
  bitmaps: ReadonlyMap<string, DriveBitmap>,
): readonly DriveBitmap[] {
  return [...bitmaps.values()].filter(
    (bitmap) => bitmap.keeper === keeper && recordingContent(bitmap) !== undefined,
  );
}

/** What a store is told of it where it makes the bitmap. */
export function checkpointOf({ checkpoint, isAnew }: DriveBitmap): { checkpoint?: string } {
  return checkpoint === undefined || isAnew ? {} : { checkpoint };
}

/** What a store is told of it where it changes the bitmap. Nothing: it is as before. */
export function storedCheckpointOf(bitmap: DriveBitmap): { checkpoint?: string | null } {
  return bitmap.isAnew ? { checkpoint: null } : checkpointOf(bitmap);
}
