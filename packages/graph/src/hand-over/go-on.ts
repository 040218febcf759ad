import { setTimeout } from 'node:timers/promises';
import type { BlockDevice } from '@tidemark/block';
import { isTidemarkError } from '@tidemark/core';
import { type ParkedBitmaps, unparkBitmaps, type UnparkReport } from '@tidemark/tracking';
import type { BlockNode } from '../nodes/block-node.ts';
import { closeFiles, openFiles } from './files-of-node.ts';

/** Milliseconds. */
const PAUSE = 50;

/**
 * Opens the files of a node again that was let go of, and records again. Somebody else may have had
 * them meanwhile: all that counts is what is on disk. Nothing of it is open if it fails.
 * `patience`: milliseconds to wait for a lock. @throws LOCKED: somebody has it; as `openNode`
 */
export async function goOn(
  node: BlockNode,
  parked: ParkedBitmaps,
  { patience, log }: { readonly patience: number; readonly log: (message: string) => void },
): Promise<{ readonly device: BlockDevice; readonly lost: readonly string[] }> {
  await openInTime(() => openFiles(node, log), patience);
  try {
    const drive = await node.trackAgain();
    // Durable before anybody writes: a target that comes late finds that it is too late.
    const report = await unparkBitmaps(drive, parked, { mayBeTaken: true });
    return { device: drive.device, lost: describeLost(report) };
  } catch (error) {
    await node.untrack().catch(() => {});
    node.tracked = undefined;
    await closeFiles(node).catch(() => {});
    throw error;
  }
}

/** As long as somebody has the lock, who may let go of it. @throws as `open` */
export async function openInTime<T>(open: () => Promise<T>, patience: number): Promise<T> {
  const until = performance.now() + patience;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!isTidemarkError(error, 'LOCKED') || performance.now() > until) throw error;
      await setTimeout(PAUSE);
    }
  }
}

export function describeLost({ lostBitmaps, lostFreezes }: UnparkReport): readonly string[] {
  return [
    ...lostBitmaps.map((name) => `bitmap '${name}', which is not persistent, is lost`),
    ...lostFreezes.map((name) => `bitmap '${name}' is not frozen any more`),
  ];
}
