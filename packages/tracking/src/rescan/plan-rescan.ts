import { TidemarkError } from '@tidemark/core';
import type { DriveBitmap } from '../drive-bitmap.ts';
import type { DriveDraft } from '../drive-draft.ts';
import type { DriveState } from '../drive-state.ts';
import { refusal } from '../messages.ts';
import { checkGranularity, newBitmap } from '../plan-action.ts';

export interface WantedBitmap {
  readonly name: string;
  /** Bytes. Default: as it was, or as new bitmaps of the drive have it. */
  readonly granularity?: number | undefined;
  readonly checkpoint: string;
}

/**
 * Puts a bitmap in place that calls all of the drive dirty, whatever was there under its name, and
 * holds it.
 */
export function planRescan(draft: DriveDraft, wanted: WantedBitmap): void {
  const { state } = draft;
  const { name, checkpoint } = wanted;
  const before = state.bitmaps.get(name);
  if (before !== undefined) assertReplaceable(draft, before);
  const keeper = before?.keeper ?? state.keepers.find(({ persistent }) => persistent);
  if (keeper?.persistent !== true) throw notKept(state, name);
  const { granularity = before?.granularity ?? state.defaultGranularity } = wanted;
  checkGranularity(granularity, state.label);
  const made = newBitmap(state, { name, granularity, enabled: true, keeper });
  made.content.setAll();
  draft.replaceAndHold({ ...made.bitmap, checkpoint, isAnew: false }, made.content);
}

function assertReplaceable(draft: DriveDraft, { name, condition }: DriveBitmap): void {
  draft.usable(name, 'remove');
  // Of another kind: it may say more than we would put in its place.
  if (condition === 'unsupported') throw refusal('unsupported', draft.state.label, name);
}

function notKept({ label: where }: DriveState, bitmap: string): TidemarkError {
  const text = `bitmap '${bitmap}' of '${where}' is not kept on disk, so that no checkpoint is`;
  const hint = 'give the drive a store for it, or rescan a bitmap that is persistent';
  return new TidemarkError('BITMAP_UNSUPPORTED', text, { where, bitmap, hint });
}
