import type { BlockDevice } from '@tidemark/block';
import { throwIfCancelled } from '../cancel.ts';

/** Zeros in one call: bounds what a cancelled restore still waits for. */
const ZERO_STEP = 1024 * 1024 * 1024;

/** Zeros of a restore, in holes where the target can. Bytes. @throws CANCELLED, and the target's */
export async function writeZeros(
  target: BlockDevice,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let at = 0; at < length; at += ZERO_STEP) {
    throwIfCancelled(signal);
    await target.writeZeroes(offset + at, Math.min(ZERO_STEP, length - at), { unmap: true });
  }
}
