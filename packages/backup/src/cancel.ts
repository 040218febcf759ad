import { TidemarkError } from '@tidemark/core';

/** @throws CANCELLED */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new TidemarkError('CANCELLED', 'cancelled', {}, signal.reason);
}
