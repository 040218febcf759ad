import { MAX_GRANULARITY } from '@tidemark/core';
import type { DriveDraft } from '../drive-draft.ts';
import type { DriveBitmap } from '../drive-bitmap.ts';
import type { DriveState } from '../drive-state.ts';
import { type BitStep, planAdd } from '../plan-action.ts';
import { behind, changeDrives } from '../run-transaction.ts';

import type { TrackedDrive } from '../tracked-drive.ts';
import {
  PARKED_PREFIX,
  type ParkedBitmap,
  type ParkedBitmaps,
  type ParkedFreeze,
} from './parked-bitmaps.ts';

/**
 * Puts what a drive has in memory only into its store, in one commit: bitmaps that are not kept, and
 * both sets of bits of each freeze. From this instant on they record there as well, whoever opens the
 * drive. A bitmap more is the marker: as long as it is there, nobody has gone on with the drive.
 * `id`: no two hand-overs have the same.
 * @throws BITMAP_UNSUPPORTED: the drive has no store; STORE_READ_ONLY, NO_SPACE and the like. Nothing
 *   was changed then
 */
export async function parkBitmaps(drive: TrackedDrive, id: string): Promise<ParkedBitmaps> {
  const state = behind(drive);
  const marker = PARKED_PREFIX + id;
  let parked: ParkedBitmaps = { marker, bitmaps: [], freezes: [] };
  await changeDrives([state], (drafts) => {
    const parking = new Parking(drafts.get(state)!, marker);
    const bitmaps = parking.bitmaps();
    const freezes = parking.freezes();
    parked = { marker, bitmaps, freezes };
    return parking.steps;
  });
  return parked;
}

class Parking {
  readonly steps: BitStep[] = [];
  readonly #draft: DriveDraft;
  readonly #state: DriveState;
  readonly #marker: string;
  #count = 0;

  constructor(draft: DriveDraft, marker: string) {
    this.#draft = draft;
    this.#state = draft.state;
    this.#marker = marker;
    // Few bits, which nobody looks at.
    this.#add(marker, { granularity: MAX_GRANULARITY, enabled: false });
  }

  bitmaps(): readonly ParkedBitmap[] {
    const transient = [...this.#state.bitmaps.values()].filter(
      ({ keeper, condition }) => !keeper.persistent && condition === 'sound',
    );
    return transient.map((bitmap) => {
      const { name, granularity, enabled } = bitmap;
      const stored = this.#store(bitmap, () => this.#draft.content(name).clone());
      this.#draft.willRead(name);
      return { name, granularity, enabled, stored };
    });
  }

  freezes(): readonly ParkedFreeze[] {
    return [...this.#state.freezes].map(([name, { id, bits, successor }]) => {
      const bitmap = this.#state.find(name);
      const still = this.#store({ ...bitmap, enabled: false }, () => bits.clone());
      const since = this.#store(bitmap, () => successor.clone());
      return { name, id, bits: still, successor: since };
    });
  }

  /** `content` is asked for in the tick of the transaction. */
  #store(
    { granularity, enabled }: Pick<DriveBitmap, 'granularity' | 'enabled'>,
    content: () => ReturnType<DriveDraft['content']>,
  ): string {
    const stored = `${this.#marker}.${this.#count++}`;
    this.#add(stored, { granularity, enabled });
    this.steps.push(() => this.#draft.replaceContent(stored, content()));
    return stored;
  }

  #add(name: string, { granularity, enabled }: Pick<DriveBitmap, 'granularity' | 'enabled'>): void {
    const disabled = !enabled;
    planAdd(this.#draft, { op: 'add', name, granularity, persistent: true, disabled });
  }
}
