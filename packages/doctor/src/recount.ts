import type { BlockDevice } from '@tidemark/block';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { HeaderV3, Incompatible, QCOW2_MAGIC } from '@tidemark/qcow2/format';
import type { CheckOptions } from './check-image.ts';
import { applyRepair } from './repair/apply-repair.ts';
import { planRepair, type RepairPlan } from './repair/plan-repair.ts';

/** What puts refcounts right, and nothing else. */
const COUNTING: ReadonlySet<string> = new Set([
  'free-leaks',
  'raise-refcounts',
  'rebuild-refcounts',
  'fix-copied-flags',
  'clear-features',
]);

/** Of `recountIfDirty`. */
export interface RecountOptions extends Pick<CheckOptions, 'onFinding'> {
  /** Names the image in messages. */
  readonly path: string;
}

/**
 * Counts the clusters of an image anew that QEMU has not closed: with lazy refcounts, it leaves them
 * wrong at a crash. QEMU does the same when it opens such an image for writing. Anything else that is
 * wrong with it is not for us to change unasked.
 * @returns whether there was anything to do, and it is done
 * @throws IMAGE_UNSUPPORTED, IMAGE_CORRUPT: nothing was written
 */
export async function recountIfDirty(
  file: BlockDevice,
  { path, onFinding }: RecountOptions,
): Promise<boolean> {
  if (!(await isDirty(file))) return false;
  const told = onFinding && { onFinding };
  const plan = await planRepair(file, { ...told }).catch((error: unknown) => {
    throw isTidemarkError(error) ? beyondCounting(path, error) : error;
  });
  if (!isCountingAlone(plan)) throw beyondCounting(path);
  // Clears the mark last: until then, the counts do not matter to anybody.
  await applyRepair(file, plan, { undo: undefined });
  return true;
}

async function isDirty(file: BlockDevice): Promise<boolean> {
  if (file.size < HeaderV3.size) return false;
  const bytes = new Uint8Array(HeaderV3.size);
  await file.read(bytes, 0);
  const { magic, version, incompatibleFeatures } = HeaderV3.decode(bytes);
  const isKnown = magic === QCOW2_MAGIC && version === 3;
  return isKnown && (incompatibleFeatures & Incompatible.dirty) !== 0n;
}

function isCountingAlone({ before, after, actions }: RepairPlan): boolean {
  if (before.isIncomplete || after.corruptions > 0 || after.checkErrors > 0) return false;
  return actions.every(
    (each) => COUNTING.has(each.action) || (each.action === 'clear-mark' && each.mark === 'dirty'),
  );
}

function beyondCounting(path: string, cause?: TidemarkError): TidemarkError {
  const message = `'${path}' was not closed cleanly, and more than its refcounts is wrong`;
  const hint = "see what 'tidemark image check' says, and mend it with 'tidemark image repair'";
  return new TidemarkError('IMAGE_UNSUPPORTED', message, { where: path, hint }, cause);
}
