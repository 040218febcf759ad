import type { BlockDevice } from '@tidemark/block';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { applyRepair, planRepair, type RepairPlan } from '@tidemark/doctor';
import { HeaderV3, Incompatible, QCOW2_MAGIC } from '@tidemark/qcow2/format';

/** What puts refcounts right, and nothing else. */
const COUNTING: ReadonlySet<string> = new Set([
  'free-leaks',
  'raise-refcounts',
  'rebuild-refcounts',
  'fix-copied-flags',
]);

/**
 * Counts the clusters of an image anew that QEMU has not closed: with lazy refcounts, it leaves them
 * wrong at a crash. QEMU does the same when it opens such an image for writing. Anything else that is
 * wrong with it is not for us to change unasked.
 * @throws IMAGE_UNSUPPORTED, IMAGE_CORRUPT: nothing was written
 */
export async function recountIfDirty(
  file: BlockDevice,
  path: string,
  onNotice?: (message: string) => void,
): Promise<void> {
  if (!(await isDirty(file))) return;
  const plan = await planRepair(file).catch((error: unknown) => {
    throw isTidemarkError(error) ? beyondCounting(path, error) : error;
  });
  if (!isCountingAlone(plan)) throw beyondCounting(path);
  // Clears the mark last: until then, the counts do not matter to anybody.
  await applyRepair(file, plan, { undo: undefined });
  onNotice?.(`'${path}' was not closed cleanly: its clusters were counted anew`);
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
