import { randomBytes } from 'node:crypto';
import { checkCheckpoint, DirtyBitmap } from '@tidemark/core';
import { recordingContent } from './drive-bitmap.ts';
import type { DriveDraft } from './drive-draft.ts';
import type { DriveState } from './drive-state.ts';
import { freezeUnknown, refusal } from './messages.ts';
import type { BitStep } from './plan-action.ts';
import { changeDrives } from './run-transaction.ts';

/**
 * A bitmap whose bits stand still for who copies by them, as QEMU's backup job has it. In its store
 * and for marks it stays what it was, and goes on: that is the union of both sets of bits here. So
 * a crash, which ends the freeze, has nothing to undo.
 */
export interface Freeze {
  /** No two freezes have the same, those of other processes included. */
  readonly id: string;
  /** As in the tick in which it began. Never changed. */
  readonly bits: DirtyBitmap;
  /** What was under way in that tick, and what was written since, if the bitmap records. */
  readonly successor: DirtyBitmap;
}

export type FreezeEnd = { readonly name: string; readonly id: string } & (
  | { readonly clear: false }
  | {
      readonly clear: true;
      /** 32 hexadecimal digits: names the instant of the freeze, for a bitmap that records. */
      readonly checkpoint?: string | undefined;
    }
);

/** While nothing else changes the bitmap. `content`: its bits now, in this tick. */
export function beginFreeze(state: DriveState, name: string, content: DirtyBitmap): Freeze {
  const { diskSize, granularity } = content;
  const successor = new DirtyBitmap(diskSize, granularity);
  const freeze = { id: randomBytes(16).toString('hex'), bits: content.clone(), successor };
  if (recordingContent(state.find(name)) !== undefined) state.recorder.attach(successor);
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

/** The freeze ends in the tick in which the successor's bits are in place, or goes on. */
function planRelease(draft: DriveDraft, end: FreezeEnd): BitStep {
  const { name } = end;
  const { successor } = findFreeze(draft.state, end);
  draft.usable(name, 'change', { isOwn: true });
  draft.willChange(name);
  draft.beginAnew(name);
  draft.endFreeze(name);
  // A copy: the successor itself has to go on where this fails.
  return () => draft.replaceContent(name, successor.clone());
}

function findFreeze(state: DriveState, { name, id }: Pick<FreezeEnd, 'name' | 'id'>): Freeze {
  state.findSound(name);
  const freeze = state.freezes.get(name);
  if (freeze?.id === id) return freeze;
  // Somebody else's, who must not be told of by mistake.
  if (freeze === undefined && state.held.has(name)) throw refusal('busy', state.label, name);
  throw freezeUnknown(state.label, name, id);
}
