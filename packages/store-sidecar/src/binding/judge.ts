import type { DriveFacts } from '@tidemark/block';
import type { DirectoryEntry } from '@tidemark/core';
import type { FoundControl } from '@tidemark/qcow2';
import { whyAnother, whyChanged } from './compare-facts.ts';

const LEFT_IN_USE = 'it was in use when the program that recorded in it ended';

/** Why an entry cannot be trusted: a clause. Undefined: it can. */
export type Verdict = (entry: DirectoryEntry) => string | undefined;

/**
 * Which entries of a sidecar can be trusted, by what it says of its drive and what the system says of
 * it now. Undefined facts: nothing can be learned of the drive.
 */
export function judge(found: FoundControl | undefined, now: DriveFacts | undefined): Verdict {
  if (found === undefined) return whyInUse;
  const none = (reason: string): Verdict => {
    return () => reason;
  };
  if ('problem' in found) return none(`the control extension of its sidecar ${found.problem}`);
  if (now === undefined) return none('nothing can be learned of the drive, changed or not');
  const { state, drive } = found.control;
  const changed = whyChanged(drive, now);
  if (state === 'idle') return changed === undefined ? whyInUse : none(changed);
  const another = whyAnother(drive, now);
  if (another !== undefined) return none(another);
  return (entry) => {
    if (entry.inUse) return whyInUse(entry);
    // What does not record misses no write.
    return entry.enabled ? changed : undefined;
  };
}

function whyInUse({ inUse }: DirectoryEntry): string | undefined {
  return inUse ? LEFT_IN_USE : undefined;
}
