import type { DriveFacts, KnownByFacts } from '@tidemark/block';
import type { Finding, ImageCheck } from '@tidemark/doctor';

/** Files up to this are checked sooner than the lock helper is started. Bytes. */
const SHORT = 512 * 1024 ** 2;

/**
 * Checks an image that nobody writes now, and that nobody is kept from writing meanwhile.
 * @returns undefined: something was found, or went wrong, or it was written meanwhile, or it is a long
 *   file. It has to be locked then, and checked again.
 */
export async function foundClean(
  file: KnownByFacts,
  check: (onFinding: (finding: Finding) => void) => Promise<ImageCheck>,
): Promise<ImageCheck | undefined> {
  const before = await file.facts();
  if (before?.kind !== 'file' || before.size > SHORT) return undefined;
  let isClean = true;
  const checked = await check(() => {
    isClean = false;
  }).catch(() => undefined);
  return isClean && isUnchanged(before, await file.facts()) ? checked : undefined;
}

function isUnchanged(before: DriveFacts, after: DriveFacts | undefined): boolean {
  if (before.kind !== 'file' || after?.kind !== 'file') return false;
  return (['size', 'modified', 'changed'] as const).every((key) => before[key] === after[key]);
}
