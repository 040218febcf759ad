import { openFileDevice } from '@tidemark/block';
import { isTidemarkError } from '@tidemark/core';

/**
 * Whether somebody has a file open for writing now, as far as the system tells: where it does not, no.
 * Keeps nobody out. @throws FILE_NOT_FOUND, PERMISSION_DENIED, IO_FAILED
 */
export async function isWrittenByOthers(path: string): Promise<boolean> {
  try {
    const file = await openFileDevice(path, { lock: 'look', helper: false });
    await file.close();
    return false;
  } catch (error) {
    if (isTidemarkError(error, 'LOCKED')) return true;
    throw error;
  }
}
