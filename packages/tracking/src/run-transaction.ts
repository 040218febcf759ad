import type { BitmapAction, DriveAction, MergeSource } from './bitmap-action.ts';
import { DriveDraft } from './drive-draft.ts';
import { type DriveState, stateOf } from './drive-state.ts';
import { type BitStep, planAction } from './plan-action.ts';
import type { TrackedDrive } from './tracked-drive.ts';

/**
 * Makes all of the changes, on however many drives, or none. All of them begin at one instant:
 * a write that was acknowledged before it counts as before on every drive. Later actions see what
 * earlier ones did. A removed bitmap is there, and busy, until the end.
 *
 * Each drive's stores commit one by one. A crash between two of them leaves the change made on some
 * drives: never a bitmap that has missed a write, for what is new is in use until a clean close.
 * Where a store fails, the others take back what they did; a bitmap that was removed from one and
 * is of an unsupported kind stays removed.
 * @throws the first action's error that fails, with nothing changed; I/O errors of the stores
 */
export async function runTransaction(actions: readonly DriveAction[]): Promise<void> {
  await changeDrives(involvedStates(actions), (drafts) => planAll(actions, drafts));
}

type Drafts = ReadonlyMap<DriveState, DriveDraft>;

/** As `runTransaction`, for what `plan` makes of the drives' drafts. Drives by their serial. */
export async function changeDrives(
  states: readonly DriveState[],
  plan: (drafts: Drafts) => readonly BitStep[],
): Promise<void> {
  const unlocks: (() => void)[] = [];
  for (const state of states) unlocks.push(await state.mutex.lock());
  try {
    for (const state of states) state.assertOpen();
    const drafts = new Map(states.map((state) => [state, new DriveDraft(state)]));
    await execute([...drafts.values()], plan(drafts));
  } finally {
    for (const unlock of unlocks) unlock();
  }
}

function planAll(actions: readonly DriveAction[], drafts: Drafts): readonly BitStep[] {
  const draftOf = (drive: TrackedDrive) => drafts.get(behind(drive))!;
  return actions.map(({ drive, action }) =>
    planAction(draftOf(drive), action, (source) =>
      typeof source === 'string'
        ? { draft: draftOf(drive), name: source }
        : { draft: draftOf(source.drive), name: source.name },
    ),
  );
}

async function execute(drafts: readonly DriveDraft[], steps: readonly BitStep[]): Promise<void> {
  const isGroup = drafts.reduce((sum, draft) => sum + draft.commitCount, 0) > 1;
  try {
    await change(drafts, steps, { isGroup });
    if (isGroup) for (const draft of drafts) await draft.forget();
  } finally {
    for (const draft of drafts) draft.finish();
  }
}

/** `isGroup`: in more than one store, so that one may have to be taken back for another one. */
async function change(
  drafts: readonly DriveDraft[],
  steps: readonly BitStep[],
  { isGroup }: { readonly isGroup: boolean },
): Promise<void> {
  try {
    for (const draft of drafts) await draft.prepare({ keepRemoved: isGroup });
    // One tick from here: no write falls between two steps, or between two drives.
    for (const step of steps) step();
    for (const draft of drafts) draft.begin();
    for (const draft of drafts) await draft.commit({ keepBits: isGroup });
    for (const draft of drafts) draft.publish();
  } catch (error) {
    // The first error is the one to report; what cannot be taken back is in use, or has bits too
    // many: never stale.
    for (const draft of drafts.toReversed()) {
      await draft.uncommit();
      await draft.rollBack();
    }
    throw error;
  }
}

function involvedStates(actions: readonly DriveAction[]): readonly DriveState[] {
  const states = new Set<DriveState>();
  for (const { drive, action } of actions) {
    states.add(behind(drive));
    for (const source of sourcesOf(action)) {
      if (typeof source !== 'string') states.add(behind(source.drive));
    }
  }
  return [...states].sort((a, b) => a.serial - b.serial);
}

function sourcesOf(action: BitmapAction): readonly MergeSource[] {
  return action.op === 'merge' ? action.sources : [];
}

function behind(drive: TrackedDrive): DriveState {
  const state = stateOf.get(drive);
  if (state === undefined) throw new TypeError('a drive that was not opened by openTrackedDrive');
  return state;
}
