import {
  type BitmapChange,
  type BitmapStore,
  isTidemarkError,
  isUnchanged,
  type PreparedCommit,
  TidemarkError,
} from '@tidemark/core';
import { announce, retract } from './announce.ts';
import type { CheckpointFolder } from './checkpoint-folder.ts';
import type { IntendedBitmap, Intent } from './intent.ts';
import { placeOf } from './open-checkpointed.ts';

/** What one store has to do. */
export interface CheckpointPart {
  readonly store: BitmapStore;
  readonly changes: readonly BitmapChange[];
  /** The same, for whoever has to finish it. */
  readonly bitmaps: readonly IntendedBitmap[];
}

/** Of `commitTogether`: what the change is called, and where its intent is kept. */
export interface CommitTogetherOptions {
  /** Names the change; see `Intent`. */
  readonly set: string;
  readonly folder: CheckpointFolder;
  readonly onNotice?: (message: string) => void;
}

/**
 * Changes several stores, in all of them or in none. Each is made ready; then the intent becomes
 * durable, which is the commit point: from there on a crash is made good by whoever opens the stores
 * next with the same folder. Then each store commits, and the intent goes.
 * @throws as `BitmapStore.prepare`, and I/O codes of the folder: nothing was changed
 * @throws the first store's error that fails to commit: the others have their part, and the intent
 *   stays, unless nothing at all was changed
 */
export async function commitTogether(
  parts: readonly CheckpointPart[],
  { set, folder, onNotice = () => {} }: CommitTogetherOptions,
): Promise<void> {
  const ready: PreparedCommit[] = [];
  try {
    for (const { store, changes } of parts) ready.push(await store.prepare(changes));
    await announce(folder, intentOf(parts, set));
  } catch (error) {
    for (const step of ready) await step.abort().catch(() => {});
    throw error;
  }
  await commitAll(ready, () => retract(folder, set, onNotice));
  await retract(folder, set, onNotice);
}

function intentOf(parts: readonly CheckpointPart[], set: string): Intent {
  const members = parts.map(({ store, bitmaps }) => {
    return { store: store.id ?? null, place: placeOf(store), bitmaps, done: false };
  });
  return { set, members };
}

async function commitAll(
  ready: readonly PreparedCommit[],
  giveUp: () => Promise<void>,
): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  for (const [index, step] of ready.entries()) {
    try {
      await step.commit();
    } catch (error) {
      if (index === 0 && isUnchanged(error)) {
        for (const other of ready.slice(1)) await other.abort().catch(() => {});
        await giveUp();
        throw error;
      }
      failure ??= { error };
    }
  }
  if (failure !== undefined) throw incomplete(failure.error);
}

function incomplete(error: unknown): unknown {
  if (!isTidemarkError(error)) return error;
  const hint =
    'open each of the drives once more with the same folder of checkpoints: that ends it';
  const text = `the checkpoint is incomplete: ${error.message}`;
  return new TidemarkError(error.code, text, { ...error.context, hint }, error);
}
