import type { DirtyBitmap } from '@tidemark/core';
import {
  checkpointOf,
  type DriveBitmap,
  type DriveBitmapInfo,
  type DriveBitmapState,
  recordingContent,
} from './drive-bitmap.ts';
import type { DriveState } from './drive-state.ts';
import { describeRecovery, type RecoveryInfo } from './recovery.ts';

/** Of bits whose stretches were counted, when: of `performance.now`. */
const counted = new WeakMap<DirtyBitmap, { readonly info: RecoveryInfo; readonly at: number }>();

/**
 * `content`: its bits as they are read, of a bitmap that is sound. `maxAge`: milliseconds, of what is
 * told of a recovery, which takes a look at all of them.
 */
export function describeBitmap(
  state: DriveState,
  bitmap: DriveBitmap,
  content: DirtyBitmap | undefined,
  maxAge = 0,
): DriveBitmapInfo {
  return {
    ...describeState(state, bitmap),
    ...(content && isRecovered(bitmap) && { recovered: recoveryOf(content, maxAge) }),
    count: content?.dirtyBytes ?? 0,
  };
}

/** What is known of it without its bits. */
export function describeState(state: DriveState, bitmap: DriveBitmap): DriveBitmapState {
  const { name, granularity, condition, reason, keeper } = bitmap;
  const frozen = state.freezes.get(name);
  const recording = state.writable
    ? recordingContent(bitmap) !== undefined
    : bitmap.enabled && condition === 'sound';
  return {
    name,
    granularity,
    recording,
    persistent: keeper.persistent,
    busy: state.held.has(name),
    ...(frozen && { frozen: frozen.id }),
    inconsistent: condition === 'inconsistent',
    ...(reason !== undefined && { reason }),
    ...checkpointOf(bitmap),
    unsupported: condition === 'unsupported',
    readonly: state.isReadonly(bitmap),
  };
}

function recoveryOf(content: DirtyBitmap, maxAge: number): RecoveryInfo {
  const now = performance.now();
  const known = counted.get(content);
  if (known !== undefined && now - known.at < maxAge) return known.info;
  const info = describeRecovery(content);
  counted.set(content, { info, at: now });
  return info;
}

/** What says what a user needs to know of bitmaps whose last session was cut off. */
export function tellRecovered(state: DriveState, say: (message: string) => void): void {
  for (const bitmap of state.bitmaps.values()) {
    const { name, content, checkpoint } = bitmap;
    if (content === undefined || !isRecovered(bitmap)) continue;
    const { dirty, wholeRegions } = describeRecovery(content);
    const next =
      checkpoint === undefined
        ? 'it does not tell since when it records, so the next backup by it is full'
        : 'it records since its last backup, so the next one is an increment';
    say(
      `bitmap '${name}' of '${state.label}' was recovered after a session that was not closed: ` +
        `${dirty} bytes are dirty, of which at most ${wholeRegions} were not written; ${next}`,
    );
  }
}

function isRecovered({ recovered, isAnew }: DriveBitmap): boolean {
  return recovered === true && !isAnew;
}
