import { TidemarkError } from '@tidemark/core';

/** What a failure to listen at `where` means; an error of ours stays as it is. */
export function listenFailed(where: string, cause: unknown): TidemarkError {
  if (cause instanceof TidemarkError) return cause;
  const text = `cannot listen on '${where}'`;
  if (hasCode(cause, 'EACCES'))
    return new TidemarkError('PERMISSION_DENIED', text, { where }, cause);
  if (hasCode(cause, 'EADDRINUSE')) {
    const context = { where, hint: 'stop what listens there, or choose another' };
    return new TidemarkError('LOCKED', text, context, cause);
  }
  return new TidemarkError('IO_FAILED', text, { where }, cause);
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
