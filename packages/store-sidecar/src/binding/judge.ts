import type { DriveFacts } from '@tidemark/block';
import type { DirectoryEntry } from '@tidemark/core';
import type { DirectorySeal, FoundControl } from '@tidemark/qcow2';
import { whyAnother, whyChanged } from './compare-facts.ts';
import { whyNotRecovered } from './recovery.ts';

export interface Evidence {
  /** What the sidecar says. */
  readonly found: FoundControl | undefined;
  /** What the system says of the drive. Undefined: nothing can be learned. */
  readonly drive: DriveFacts | undefined;
  readonly seal: DirectorySeal;
  /** Names of the bitmaps that the sidecar calls live. */
  readonly live: ReadonlySet<string>;
  /** The session that has it in use may be going on. */
  readonly isShared: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** `recovered`: it is in use on disk, and valid. A reason, a clause, says why it is not trusted. */
export type Verdict = { readonly recovered: boolean } | { readonly reason: string };

const TRUSTED: Verdict = { recovered: false };
const LEFT_IN_USE: Verdict = { reason: 'it was in use when the program that recorded in it ended' };

/** Which bitmaps of a sidecar can be trusted. */
export function judge(evidence: Evidence): (entry: DirectoryEntry) => Verdict {
  const { found, drive } = evidence;
  if (found === undefined) return ofInUse;
  if ('problem' in found) return untrusted(`the control extension of its sidecar ${found.problem}`);
  if (drive === undefined) return untrusted('nothing can be learned of the drive, changed or not');
  const { control } = found;
  const changed = whyChanged(control.drive, drive);
  if (control.state === 'idle') return changed === undefined ? ofInUse : untrusted(changed);
  const another = whyAnother(control.drive, drive);
  if (another !== undefined) return untrusted(another);
  const lost = whyNotRecovered({ ...evidence, control, drive });
  return (entry) => {
    // What does not record misses no write.
    if (!entry.inUse) return entry.enabled && changed !== undefined ? { reason: changed } : TRUSTED;
    if (evidence.isShared || !evidence.live.has(entry.name)) return LEFT_IN_USE;
    return lost === undefined ? { recovered: true } : { reason: lost };
  };
}

function untrusted(reason: string): () => Verdict {
  return () => ({ reason });
}

function ofInUse({ inUse }: DirectoryEntry): Verdict {
  return inUse ? LEFT_IN_USE : TRUSTED;
}
