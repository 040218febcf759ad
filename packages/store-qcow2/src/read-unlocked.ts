import { TidemarkError } from '@tidemark/core';
import type { Qcow2Image } from '@tidemark/qcow2';

/**
 * Reads from an image that another program may be changing: what `read` finds where the image's
 * metadata is not what it was is of no worth, nor is what it fails with. @throws LOCKED
 */
export async function readUnlocked<T>(image: Qcow2Image, read: () => Promise<T>): Promise<T> {
  const result = await read().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!(await image.metadata.isCurrent())) throw changedMeanwhile(image.label);
  if ('error' in result) throw result.error;
  return result.value;
}

function changedMeanwhile(where: string): TidemarkError {
  return new TidemarkError('LOCKED', `${where} is being changed by another program`, {
    where,
    hint: 'look again, or wait until the other program has ended',
  });
}
