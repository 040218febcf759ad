import type { BlockNode } from '@tidemark/graph';
import type { Warning } from '@tidemark/http';
import { formatSize } from '@tidemark/program';
import type { Glance } from './describe-drive.ts';

export interface AboutDrive {
  /** Its bitmaps are in a sidecar, if anywhere. */
  readonly isRaw: boolean;
  readonly trouble: NonNullable<BlockNode['tracked']>['trouble'];
}

/** What somebody should know of a drive, worst first. */
export function driveWarnings(bitmaps: readonly Glance[], about: AboutDrive): Warning[] {
  const { trouble } = about;
  const blocked: Warning[] =
    trouble === undefined
      ? []
      : [{ code: 'TRACKING_BLOCKED', text: `writes wait: ${trouble.reason}` }];
  return [...blocked, ...bitmaps.flatMap((bitmap) => warningsOf(bitmap, about))];
}

function warningsOf(info: Glance, { isRaw }: AboutDrive): Warning[] {
  const { name: bitmap, inconsistent, unsupported, reason, recovered } = info;
  if (unsupported) {
    const text = `bitmap '${bitmap}' is of a kind that this version cannot read`;
    return [{ code: 'BITMAP_UNSUPPORTED', text, bitmap }];
  }
  if (inconsistent) {
    const code = reason === undefined ? 'BITMAP_IN_USE' : isRaw ? MISMATCH : 'BITMAP_INCONSISTENT';
    const why = reason ?? 'it was left in use by a session that was not closed';
    const text = `bitmap '${bitmap}' may have missed writes and cannot be used: ${why}`;
    return [{ code, text, bitmap }];
  }
  if (recovered === undefined) return [];
  const [dirty, most] = [formatSize(recovered.dirty), formatSize(recovered.wholeRegions)];
  const text = `bitmap '${bitmap}' was recovered after a crash: of ${dirty} at most ${most} were not written`;
  return [{ code: 'RECOVERED_AFTER_CRASH', text, bitmap }];
}

const MISMATCH = 'SIDECAR_MISMATCH';
