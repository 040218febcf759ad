import { isTidemarkError, TidemarkError } from './errors.ts';

// Registered globally, so that the check holds when two copies of this package are installed.
const UNCHANGED = Symbol.for('tidemark.unchanged');

/**
 * The same failure, with the word of whoever throws it that all is as it was before the call, on
 * disk too. Give that word only for what failed before it could take effect, and never for the
 * write that makes a change real: when that fails, old and new are both possible.
 *
 * A new error, since the one that was caught may be thrown again where this does not hold. What is
 * no `TidemarkError` is returned as it is: nobody can vouch for it.
 */
export function asUnchanged(error: unknown): unknown {
  if (!isTidemarkError(error)) return error;
  const copy = new TidemarkError(error.code, error.message, error.context, error.cause);
  if (error.stack !== undefined) copy.stack = error.stack;
  Object.defineProperty(copy, UNCHANGED, { value: true });
  return copy;
}

/** Whether the call that threw this has changed nothing, so that it may be made again. */
export function isUnchanged(error: unknown): boolean {
  return isTidemarkError(error) && UNCHANGED in error;
}

/** Runs what comes before a change takes effect: what it throws says that nothing was changed. */
export async function unchanging<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asUnchanged(error);
  }
}
