import type { DriveFacts } from '@tidemark/block';
import type { DirectoryEntry } from '@tidemark/core';
import type { DirectorySeal, FoundControl } from '@tidemark/qcow2';
import { whyAnother, whyChanged } from './compare-facts.ts';
import { type Mismatch, mismatch } from './mismatch.ts';
import { whyNotRecovered, whyOtherDirectory } from './recovery.ts';

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

/** `recovered`: it is in use on disk, and valid. */
export type Verdict = { readonly recovered: boolean } | Mismatch;

const TRUSTED: Verdict = { recovered: false };
const LEFT_IN_USE = mismatch('in-use', 'it was in use when the program that recorded in it ended');

/** Which bitmaps of a sidecar can be trusted. */
export function judge(evidence: Evidence): (entry: DirectoryEntry) => Verdict {
  const { found, drive } = evidence;
  if (found === undefined) return ofInUse;
  if ('problem' in found) return untrusted(unreadable(found.problem));
  if (drive === undefined) return untrusted(UNKNOWN);
  const { control } = found;
  const changed = whyChanged(control.drive, drive);
  const isIdle = control.state === 'idle';
  const untrustedAll = isIdle ? changed : whyAnother(control.drive, drive);
  if (untrustedAll !== undefined) return untrusted(untrustedAll);
  // At rest the drive is what it was, so only the bitmaps are in question.
  const lost = isIdle
    ? whyOtherDirectory(control, evidence.seal)
    : whyNotRecovered({ ...evidence, control, drive });
  return (entry) => {
    // What does not record misses no write.
    if (!entry.inUse) return (entry.enabled && changed) || TRUSTED;
    if (evidence.isShared || !evidence.live.has(entry.name)) return LEFT_IN_USE;
    return lost ?? { recovered: true };
  };
}

const UNKNOWN = mismatch('facts', 'nothing can be learned of the drive, changed or not');

const unreadable = (problem: string) =>
  mismatch('control', `the control extension of its sidecar ${problem}`);

function untrusted(why: Mismatch): () => Verdict {
  return () => why;
}

function ofInUse({ inUse }: DirectoryEntry): Verdict {
  return inUse ? LEFT_IN_USE : TRUSTED;
}
