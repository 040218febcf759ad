import { isTidemarkError, TidemarkError } from '@tidemark/core';
import type { DriveFlags } from './flags.ts';
import { type Session, withBitmaps } from './session.ts';

/** For commands that only look, and that may do so although another program is writing. */
export async function lookAtBitmaps<T>(
  path: string,
  flags: DriveFlags & { readonly forceShare?: boolean },
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { forceShare = false } = flags;
  const options = { access: 'read', look: true, forceShare } as const;
  try {
    return await withBitmaps(path, flags, options, work);
  } catch (error) {
    if (!isTidemarkError(error, 'LOCKED') || forceShare) throw error;
    const hint = 'end what writes it, or add --force-share: what you see then may be out of date';
    throw new TidemarkError('LOCKED', error.message, { ...error.context, hint }, error.cause);
  }
}
