import { isTidemarkError } from '@tidemark/core';
import type { CheckpointFolder } from './checkpoint-folder.ts';
import type { Intent } from './intent.ts';

/**
 * Makes a new intent durable: from here on the change will be made, by us or after a crash.
 * @throws I/O codes: it is not there, as far as anybody could help it. Where it is there all the same,
 *   the change will be made, to no harm: by all ones.
 */
export async function announce(folder: CheckpointFolder, intent: Intent): Promise<void> {
  try {
    await folder.put(intent);
  } catch (error) {
    await folder.remove(intent.set).catch(() => {});
    throw error;
  }
}

/**
 * Takes an intent away: the change is made in all stores, or in none. Where that fails it does no
 * harm but that the next backups are full ones, until the stores are opened again.
 */
export async function retract(
  folder: CheckpointFolder,
  set: string,
  onNotice: (message: string) => void,
): Promise<void> {
  await folder.remove(set).catch((error: unknown) => {
    if (!isTidemarkError(error)) throw error;
    onNotice(`checkpoint ${set} is over, and its intent file is left: ${error.message}`);
  });
}
