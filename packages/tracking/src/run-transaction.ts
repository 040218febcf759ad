import { randomBytes } from 'node:crypto';
import type { CheckpointFolder } from '@tidemark/checkpoint';
import type { DriveAction, MergeSource } from './bitmap-action.ts';
import { DriveDraft } from './drive-draft.ts';
import { type DriveState, stateOf } from './drive-state.ts';
import { GroupCommit } from './group-commit.ts';
import { type BitStep, planAction } from './plan-action.ts';
import type { TrackedDrive } from './tracked-drive.ts';

export interface TransactionOptions {
  /**
   * Where a change of several stores is announced, so that a crash between their commits is made
   * good by who opens them next with the same folder. Absent: it leaves the change made in some.
   */
  readonly checkpoints?: CheckpointFolder | undefined;
  /**
   * 32 hexadecimal digits: the checkpoint of each bitmap that begins to record here. Default: with
   * `checkpoints` a new one for changes of several stores, else none.
   */
  readonly checkpoint?: string | undefined;
  /** Hears of an intent file that could not be taken away. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

/**
 * Makes all of the changes, on however many drives, or none. All of them begin at one instant:
 * a write that was acknowledged before it counts as before on every drive. Later actions see what
 * earlier ones did. A removed bitmap is there, and busy, until the end.
 *
 * Each store makes its part ready before the first one commits. A crash between two commits leaves
 * the change made in some stores, unless it is announced in a folder of checkpoints: never a bitmap
 * that has missed a write. Where a store fails, the others take back what they did; a bitmap that
 * was removed from one and is of an unsupported kind stays removed.
 * @throws the first action's error that fails, with nothing changed; I/O errors of the stores
 */
export async function runTransaction(
  actions: readonly DriveAction[],
  options: TransactionOptions = {},
): Promise<void> {
  await changeDrives(involvedStates(actions), (drafts) => planAll(actions, drafts), options);
}

type Drafts = ReadonlyMap<DriveState, DriveDraft>;

/** As `runTransaction`, for what `plan` makes of the drives' drafts. Drives by their serial. */
export async function changeDrives(
  states: readonly DriveState[],
  plan: (drafts: Drafts) => readonly BitStep[],
  options: TransactionOptions = {},
): Promise<void> {
  const unlocks: (() => void)[] = [];
  for (const state of states) unlocks.push(await state.mutex.lock());
  try {
    for (const state of states) state.assertOpen();
    const drafts = new Map(states.map((state) => [state, new DriveDraft(state)]));
    await execute([...drafts.values()], plan(drafts), options);
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

async function execute(
  drafts: readonly DriveDraft[],
  steps: readonly BitStep[],
  options: TransactionOptions,
): Promise<void> {
  try {
    const commit = await change(drafts, steps, options);
    await commit.forget();
  } finally {
    for (const draft of drafts) draft.finish();
  }
}

async function change(
  drafts: readonly DriveDraft[],
  steps: readonly BitStep[],
  options: TransactionOptions,
): Promise<GroupCommit> {
  const { checkpoints: folder, onNotice = () => {} } = options;
  const keepers = drafts.flatMap(({ changedKeepers }) => changedKeepers);
  // In more than one store: one may have to be taken back for another one.
  const isGroup = keepers.length > 1;
  const isAnnounced = folder && keepers.filter(({ storesAtOnce }) => storesAtOnce).length > 1;
  const fresh = isAnnounced ? randomBytes(16).toString('hex') : undefined;
  const checkpoint = options.checkpoint ?? fresh;
  try {
    for (const draft of drafts) await draft.prepare({ keepRemoved: isGroup });
    // One tick from here: no write falls between two steps, or between two drives.
    for (const step of steps) step();
    for (const draft of drafts) draft.begin(checkpoint);
    const parts = drafts.flatMap((draft) => draft.parts());
    const commit = new GroupCommit(parts, { checkpoint, folder, onNotice });
    await commit.make();
    for (const draft of drafts) draft.publish();
    return commit;
  } catch (error) {
    // The first error is the one to report; what cannot be taken back is in use, or has bits too
    // many: never stale.
    for (const draft of drafts.toReversed()) await draft.rollBack();
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

function sourcesOf(action: DriveAction['action']): readonly MergeSource[] {
  return action.op === 'merge' ? action.sources : [];
}

/** @throws TypeError: it was not opened by `openTrackedDrive` */
export function behind(drive: TrackedDrive): DriveState {
  const state = stateOf.get(drive);
  if (state === undefined) throw new TypeError('a drive that was not opened by openTrackedDrive');
  return state;
}
