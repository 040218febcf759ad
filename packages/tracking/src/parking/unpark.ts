import { TidemarkError } from '@tidemark/core';
import type { DriveBitmap } from '../drive-bitmap.ts';
import type { DriveDraft } from '../drive-draft.ts';
import type { Freeze } from '../frozen-bits.ts';
import { type BitStep, planAdd } from '../plan-action.ts';
import { behind, changeDrives } from '../run-transaction.ts';

import type { TrackedDrive } from '../tracked-drive.ts';
import type { ParkedBitmap, ParkedBitmaps, ParkedFreeze } from './parked-bitmaps.ts';

export interface UnparkOptions {
  /**
   * Whether somebody else may have gone on with the drive meanwhile. False: that is refused, since
   * the drive is not the one that was let go of, or not any more.
   */
  readonly mayBeTaken: boolean;
}

/** What of a drive could not be gone on with: bitmaps that are gone now, freezes that are over. */
export interface UnparkReport {
  readonly lostBitmaps: readonly string[];
  readonly lostFreezes: readonly string[];
}

/**
 * Goes on with what `parkBitmaps` left, before the drive is written: the bitmaps in memory become what
 * those in the store are by now, freezes go on, and all that was made for the hand-over goes, the
 * marker included, in one commit: whoever comes later knows by that who has the drive. What the store
 * has not got any more is lost, and never taken from memory: it may have missed writes.
 * @throws BITMAP_NOT_FOUND: the marker; I/O codes of the store. Nothing was changed
 */
export async function unparkBitmaps(
  drive: TrackedDrive,
  parked: ParkedBitmaps,
  { mayBeTaken }: UnparkOptions,
): Promise<UnparkReport> {
  const state = behind(drive);
  let report: UnparkReport = { lostBitmaps: [], lostFreezes: [] };
  await changeDrives([state], (drafts) => {
    const draft = drafts.get(state)!;
    if (!mayBeTaken && !draft.bitmaps.has(parked.marker)) throw isTaken(state.label);
    const unparking = new Unparking(draft);
    const lostBitmaps = parked.bitmaps.filter((bitmap) => !unparking.bitmap(bitmap));
    const lostFreezes = parked.freezes.filter((freeze) => !unparking.freeze(freeze));
    unparking.remove(parked.marker);
    report = { lostBitmaps: namesOf(lostBitmaps), lostFreezes: namesOf(lostFreezes) };
    return unparking.steps;
  });
  return report;
}

class Unparking {
  readonly steps: BitStep[] = [];
  readonly #draft: DriveDraft;

  constructor(draft: DriveDraft) {
    this.#draft = draft;
  }

  /** Whether it goes on. */
  bitmap({ name, granularity, enabled, stored }: ParkedBitmap): boolean {
    const draft = this.#draft;
    const own = draft.bitmaps.get(name);
    const isKept = own?.keeper.persistent === true;
    const source = this.#take(stored, granularity);
    if (source === undefined || isKept) {
      if (own !== undefined && !isKept) draft.remove(own);
      return false;
    }
    if (own === undefined) {
      const disabled = !enabled;
      planAdd(draft, { op: 'add', name, granularity, persistent: false, disabled });
    } else draft.willChange(name);
    this.steps.push(() => draft.replaceContent(name, draft.content(stored).clone()));
    return true;
  }

  /** Whether it goes on. */
  freeze({ name, id, bits: still, successor: since }: ParkedFreeze): boolean {
    const draft = this.#draft;
    const bitmap = draft.bitmaps.get(name);
    const sources = [still, since].map((stored) => this.#take(stored, bitmap?.granularity));
    if (bitmap?.condition !== 'sound' || sources.includes(undefined)) return false;
    draft.willFreeze(name);
    this.steps.push(() => {
      const bits = draft.content(still).clone();
      const freeze: Freeze = { id, bits, successor: draft.content(since).clone() };
      draft.beginFreeze(name, freeze, { records: bitmap.enabled });
    });
    return true;
  }

  remove(name: string): void {
    const bitmap = this.#draft.bitmaps.get(name);
    if (bitmap !== undefined) this.#draft.remove(bitmap);
  }

  /** It goes; undefined: its bits are not there, or not to be trusted. */
  #take(stored: string, granularity: number | undefined): DriveBitmap | undefined {
    const bitmap = this.#draft.bitmaps.get(stored);
    if (bitmap === undefined) return undefined;
    this.#draft.remove(bitmap);
    if (bitmap.condition !== 'sound' || bitmap.granularity !== granularity) return undefined;
    this.#draft.willRead(stored);
    return bitmap;
  }
}

function namesOf(parked: readonly { readonly name: string }[]): readonly string[] {
  return parked.map(({ name }) => name);
}

function isTaken(where: string): TidemarkError {
  const text = `drive '${where}' is not the one that was handed over, or somebody has it already`;
  const hint = 'check that both daemons mean the same file, and hand it over again';
  return new TidemarkError('BITMAP_NOT_FOUND', text, { where, hint });
}
