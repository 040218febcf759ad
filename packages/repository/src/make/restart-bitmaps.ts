import { isTidemarkError, TidemarkError } from '@tidemark/core';
import type { Task } from './drive-to-back-up.ts';

/**
 * The sources are flushed first: what was copied may have been in a cache only, and after a power cut
 * a cleared bitmap would call older content equal to the backup.
 */
export async function restartBitmaps(
  tasks: readonly Task[],
  together: ((checkpoint: string) => Promise<void>) | undefined,
): Promise<void> {
  const begun = tasks.filter(({ next }) => next !== null);
  if (begun.length === 0) return;
  try {
    for (const { source } of begun) await source.flush();
    if (together !== undefined) {
      await together(begun[0]!.next!.checkpoint);
      return;
    }
    for (const { bitmap, next } of begun) await bitmap!.onDurable(next!.checkpoint);
  } catch (cause) {
    const code = isTidemarkError(cause) ? cause.code : 'IO_FAILED';
    const names = begun.map(({ bitmap }) => `'${bitmap!.name}'`).join(', ');
    throw new TidemarkError(
      code,
      `the restore point is complete, but bitmap ${names} did not begin anew`,
      { hint: 'run the backup again: it copies more than needed, no less' },
      cause,
    );
  }
}
