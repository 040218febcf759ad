/**
 * Waits for all, then throws what failed first. With `Promise.all` the rest would go on using the
 * caller's buffers after the caller was told.
 */
export async function settleAll(running: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(running)) {
    if (result.status === 'rejected') throw result.reason;
  }
}
