import type { DriveFacts } from '@tidemark/block';
import type { DirectoryEntry } from '@tidemark/core';
import type { DirectorySeal, FoundControl } from '@tidemark/qcow2';
import { whyAnother, whyChanged } from './compare-facts.ts';
import { type Mismatch, mismatch } from './mismatch.ts';
import { type FoundLent, whyNotReturned } from './loan.ts';
import { type FoundBusy, whyNotRecovered, whyOtherDirectory } from './recovery.ts';

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
  /** What the system says of the sidecar's own file. */
  readonly sidecar: DriveFacts | undefined;
  /** QEMU can write the drive through the sidecar. */
  readonly isDataFile: boolean;
  /** What a user answers for. */
  readonly accepts: (why: Mismatch) => boolean;
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
  const { control } = found;
  if (control.kind === 'image') return untrusted(OF_IMAGE);
  if (!control.isBound) return ofInUse;
  if (drive === undefined) return untrusted(UNKNOWN);
  const isAtRest = control.state !== 'busy';
  const untrustedAll = isAtRest
    ? whyNotAsLeft({ ...found, ...evidence, drive })
    : whyAnother(control.drive, drive);
  if (untrustedAll !== undefined) return untrusted(untrustedAll);
  const changed = isAtRest ? undefined : whyChanged(control.drive, drive);
  const lost = whyLost({ ...evidence, control, drive });
  return (entry) => {
    // What does not record misses no write.
    if (!entry.inUse) return (entry.enabled && changed) || TRUSTED;
    if (evidence.isShared || !evidence.live.has(entry.name)) return LEFT_IN_USE;
    return lost ?? { recovered: true };
  };
}

/** Why the drive is not what it was when its sidecar was left at rest, or lent. */
export function whyNotAsLeft(found: FoundLent & Pick<Evidence, 'accepts'>): Mismatch | undefined {
  const { control, drive, accepts } = found;
  const isLent = control.state === 'lent';
  const why = isLent ? whyNotReturned(found) : whyChanged(control.drive, drive);
  return why !== undefined && accepts(why) ? undefined : why;
}

function whyLost(found: FoundBusy & Pick<Evidence, 'isDataFile'>): Mismatch | undefined {
  // Such an image can be written by QEMU without a trace in its first sector ("commit" into it).
  if (found.isDataFile) return QEMU_TOO;
  // At rest the drive is what it was, so only the bitmaps are in question.
  if (found.control.state !== 'busy') return whyOtherDirectory(found.control, found.seal);
  return whyNotRecovered(found);
}

const QEMU_TOO = mismatch(
  'data-file',
  'the session that recorded in it was not closed, and QEMU may have written the drive since',
);

const UNKNOWN = mismatch('facts', 'nothing can be learned of the drive, changed or not');

const OF_IMAGE = mismatch('control', 'its sidecar was written as the image of another disk');

const unreadable = (problem: string) =>
  mismatch('control', `the control extension of its sidecar ${problem}`);

function untrusted(why: Mismatch): () => Verdict {
  return () => why;
}

function ofInUse({ inUse }: DirectoryEntry): Verdict {
  return inUse ? LEFT_IN_USE : TRUSTED;
}
