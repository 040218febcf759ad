import { chainCheckpoint } from '../make/follow-chain.ts';
import type { PlannedBitmap } from '../make/plan.ts';

/** What a drive that is open tells of a bitmap. */
export interface OpenBitmapInfo {
  readonly name: string;
  /** Bytes. */
  readonly granularity: number;
  readonly recording: boolean;
  readonly inconsistent: boolean;
  readonly unsupported: boolean;
  /** Bytes that are dirty. */
  readonly count: number;
  readonly checkpoint?: string;
}

/** A bitmap that is to come back, as it was at a checkpoint. Bytes. */
export interface WantedBitmap {
  readonly name: string;
  readonly checkpoint: string;
  readonly diskSize: number;
}

/**
 * The bitmaps of a drive by which one that is lost may come back without a read of all the drive: the
 * others that record, those that call least dirty first. None where the wanted one is there and whole:
 * who brings it back all the same doubts what was recorded, and that is the same for all of them.
 */
export function bitmapsToTrust(
  infos: readonly OpenBitmapInfo[],
  { name: wanted, checkpoint, diskSize }: WantedBitmap,
): readonly PlannedBitmap[] {
  const recording = infos
    .filter((info) => info.recording && !info.inconsistent && !info.unsupported)
    .toSorted((a, b) => a.count - b.count)
    .map(({ name, granularity, checkpoint: own }) => ({
      name,
      content: { diskSize, granularity },
      // A chain's bitmap may have it in its name alone.
      checkpoint: own ?? chainCheckpoint(name),
    }));
  const isWhole = recording.some((it) => it.name === wanted && it.checkpoint === checkpoint);
  return isWhole ? [] : recording.filter(({ name }) => name !== wanted);
}
