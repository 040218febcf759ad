import type { DirectoryEntry } from '@tidemark/core';
import type { Mismatch, MismatchRule } from './binding/mismatch.ts';
import { nameDrive, openSession, rebind, type SidecarSessionOptions } from './sidecar-session.ts';

/** Of `adoptSidecar`: which sidecar, and what the user answers for. */
export interface AdoptSidecarOptions extends SidecarSessionOptions {
  /**
   * What the user answers for:
   *
   * - `ctime`: that mode, owner, name or links of the drive were changed, and not its content.
   * - `content`: that the drive holds what it held when its bitmaps were stored, although it was
   *   written, copied, moved or attached anew since.
   */
  readonly answersFor: 'ctime' | 'content';
  /** The drive's path, as QEMU is to open it, see `CreateSidecarOptions`. Default: as it is. */
  readonly name?: string;
}

/** What `adoptSidecar` did. */
export interface Adoption {
  /** The bitmaps that are trusted by the user's word alone. */
  readonly adopted: readonly string[];
  /** Why they were not, once each. */
  readonly reasons: readonly string[];
  /** All bitmaps, as they are now. */
  readonly entries: readonly DirectoryEntry[];
}

/**
 * Another size is another content. What a crash left is not there, or QEMU's own mark says so:
 * nobody can answer for it.
 */
const BY_WORD: ReadonlySet<MismatchRule> = new Set([
  'birth',
  'boot',
  'counter',
  'ctime',
  'device',
  'diskseq',
  'inode',
  'kind',
  'mtime',
  'returned',
]);

/**
 * Trusts the bitmaps of a drive that was changed, by the word of a user, and notes how the drive is
 * now: nobody else has to answer again. Bitmaps that were left in use stay inconsistent. Closes the
 * sidecar's device, unless opening it fails. @throws as `openSidecarStore`
 */
export async function adoptSidecar(options: AdoptSidecarOptions): Promise<Adoption> {
  const accepted = new Map<string, Mismatch>();
  const session = await openSession(options, (why) => {
    const isMeant = options.answersFor === 'ctime' ? why.rule === 'ctime' : BY_WORD.has(why.rule);
    if (isMeant) accepted.set(why.rule, why);
    return isMeant;
  });
  try {
    const { entries } = session;
    const reasons = [...accepted.values()].map(({ reason }) => reason);
    const trusted = entries.filter(({ inUse }) => !inUse).map(({ name }) => name);
    // Nothing was changed: the drive is as it was, or is not adopted.
    if (reasons.length > 0) await rebind(session, 'idle');
    const isDoubted = entries.some(({ rule }) => rule !== undefined && rule !== 'in-use');
    if (options.name !== undefined && !isDoubted) await nameDrive(session, options.name);
    return { adopted: reasons.length > 0 ? trusted : [], reasons, entries };
  } finally {
    await session.image.close();
  }
}
