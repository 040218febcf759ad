import type { BitmapInfo } from '@tidemark/core';
import { isWrittenByOthers } from '@tidemark/drive';
import type { Session } from './session.ts';

/**
 * The bitmaps of a drive at which somebody looks who may not be alone. A store takes what is flagged
 * as in use for what a crash has left; while its writer is there, that one alone knows.
 */
export async function bitmapsAsSeen(
  { drive, store, sidecarPath }: Session,
  { forceShare = false }: { readonly forceShare?: boolean },
): Promise<readonly BitmapInfo[]> {
  const infos = (await store?.list()) ?? [];
  const path = sidecarPath ?? drive.path;
  const isWritten = forceShare && infos.some(isLeftInUse) && (await isWrittenByOthers(path));
  if (!isWritten) return infos;
  return infos.map((info) => {
    if (!isLeftInUse(info)) return info;
    const { reason: _reason, rule: _rule, ...others } = info;
    return { ...others, state: 'in-use' };
  });
}

/** For no reason but the flag. */
function isLeftInUse({ state, reason, rule }: BitmapInfo): boolean {
  return state === 'inconsistent' && (reason === undefined || rule === 'in-use');
}
