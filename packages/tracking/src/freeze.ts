import { checkCheckpoint, type DirtyBitmap } from '@tidemark/core';
import { recordingContent } from './drive-bitmap.ts';
import type { DriveDraft } from './drive-draft.ts';
import type { DriveState } from './drive-state.ts';
import { type Freeze, newFreeze } from './frozen-bits.ts';
import { freezeUnknown, refusal } from './messages.ts';
import type { BitStep } from './plan-action.ts';
import { behind, changeDrives, type TransactionOptions } from './run-transaction.ts';
import type { TrackedDrive } from './tracked-drive.ts';

/** How a freeze ends: the bitmap goes on as if it had not been, or without what was copied. */
export type FreezeEnd = { readonly name: string; readonly id: string } & (
  | { readonly clear: false }
  | {
      readonly clear: true;
      /** 32 hexadecimal digits: names the instant of the freeze, for a bitmap that records. */
      readonly checkpoint?: string | undefined;
      /** What was to be copied and was not: dirty afterwards as well. */
      readonly uncopied?: DirtyBitmap | undefined;
    }
);

/** While nothing else changes the bitmap. `content`: its bits now, in this tick. */
export function beginFreeze(state: DriveState, name: string, content: DirtyBitmap): Freeze {
  const freeze = newFreeze(content);
  if (recordingContent(state.find(name)) !== undefined) state.recorder.attach(freeze.successor);
  state.freezes.set(name, freeze);
  state.held.add(name);
  return freeze;
}

/** See `TrackedDrive.release`. `flushDrive`: makes durable what was written before the call. */
export async function releaseFreeze(
  state: DriveState,
  end: FreezeEnd,
  flushDrive: () => Promise<void>,
): Promise<void> {
  if (!end.clear) {
    return state.exclusive(async () => {
      findFreeze(state, end);
      state.endFreeze(end.name);
    });
  }
  const { checkpoint } = end;
  if (checkpoint !== undefined) checkCheckpoint(checkpoint);
  findFreeze(state, end);
  // Not every store asks for it where it clears. What was copied may have been in a cache only, and
  // where it cannot be written, the drive is not what the copy is.
  await flushDrive();
  await changeDrives([state], (drafts) => [planRelease(drafts.get(state)!, end)], { checkpoint });
}

/** A freeze of one of several drives. */
export interface FrozenBitmap {
  readonly drive: TrackedDrive;
  readonly name: string;
  readonly id: string;
}

/**
 * As `TrackedDrive.release` with `clear`, of several bitmaps, on however many drives: all begin anew
 * at the checkpoint, or none does. @throws as it: the freezes go on then
 */
export async function releaseTogether(
  frozen: readonly FrozenBitmap[],
  options: TransactionOptions & { readonly checkpoint: string },
): Promise<void> {
  checkCheckpoint(options.checkpoint);
  const ends = frozen.map(({ drive, name, id }) => {
    return { state: behind(drive), drive, end: { name, id, clear: true } as const };
  });
  for (const { state, end } of ends) findFreeze(state, end);
  for (const { drive } of ends) await drive.device.flush();
  const states = [...new Set(ends.map(({ state }) => state))];
  const inOrder = states.toSorted((a, b) => a.serial - b.serial);
  const plan = (drafts: ReadonlyMap<DriveState, DriveDraft>) =>
    ends.map(({ state, end }) => planRelease(drafts.get(state)!, end));
  await changeDrives(inOrder, plan, options);
}

/** The freeze ends in the tick in which the successor's bits are in place, or goes on. */
function planRelease(draft: DriveDraft, end: FreezeEnd): BitStep {
  const { name } = end;
  const { successor } = findFreeze(draft.state, end);
  draft.usable(name, 'change', { isOwn: true });
  draft.willChange(name);
  draft.beginAnew(name);
  draft.endFreeze(name);
  return () => {
    // A copy: the successor itself has to go on where this fails.
    const content = successor.clone();
    if (end.clear && end.uncopied !== undefined) content.merge(end.uncopied);
    draft.replaceContent(name, content);
  };
}

function findFreeze(state: DriveState, { name, id }: Pick<FreezeEnd, 'name' | 'id'>): Freeze {
  state.findSound(name);
  const freeze = state.freezes.get(name);
  if (freeze?.id === id) return freeze;
  // Somebody else's, who must not be told of by mistake.
  if (freeze === undefined && state.held.has(name)) throw refusal('busy', state.label, name);
  throw freezeUnknown(state.label, name, id);
}
