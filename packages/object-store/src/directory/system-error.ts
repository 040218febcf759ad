import { type ErrorCode, isTidemarkError, TidemarkError } from '@tidemark/core';
import { errnoOf } from './file-system.ts';

const CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  EACCES: ['PERMISSION_DENIED', 'run as a user who may use the directory'],
  EPERM: ['PERMISSION_DENIED', 'use a file system with hard links, as a user who may write it'],
  EROFS: ['PERMISSION_DENIED', 'the file system can only be read'],
  ENOSPC: ['NO_SPACE', 'make room where the directory is'],
  EDQUOT: ['NO_SPACE', 'make room where the directory is'],
  ENOTDIR: ['FILE_NOT_FOUND', 'name a directory'],
};

/** What a failed call on a file means to who uses a store. A TidemarkError stays as it is. */
export function systemError(error: unknown, path: string): TidemarkError {
  if (isTidemarkError(error)) return error;
  const [code, hint] = CODES[errnoOf(error) ?? ''] ?? ['IO_FAILED', undefined];
  const words = error instanceof Error ? /^E\w+: ([^,]+)/.exec(error.message)?.[1] : undefined;
  const message = `cannot use '${path}'${words === undefined ? '' : `: ${words}`}`;
  return new TidemarkError(code, message, { where: path, ...(hint && { hint }) }, error);
}
