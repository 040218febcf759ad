import { type ErrorCode, isTidemarkError, TidemarkError } from '@tidemark/core';

interface Meaning {
  readonly code: ErrorCode;
  readonly message: (where: string) => string;
  readonly hint?: string;
}

const NOT_FOUND: Meaning = {
  code: 'FILE_NOT_FOUND',
  message: (where) => `'${where}' does not exist`,
  hint: 'check the path',
};
const DENIED: Meaning = {
  code: 'PERMISSION_DENIED',
  message: (where) => `access to '${where}' is denied`,
  hint: 'run as a user who may use the file',
};
const NO_SPACE: Meaning = {
  code: 'NO_SPACE',
  message: (where) => `no space is left for '${where}'`,
  hint: 'make room where the file is kept',
};
const NOT_A_FILE: Meaning = {
  code: 'DEVICE_UNSUPPORTED',
  message: (where) => `'${where}' is neither a file nor a block device`,
  hint: 'name an image file or a block device',
};

/** One table from the system's names to ours; what is not in it is IO_FAILED. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOENT: NOT_FOUND,
  ENOTDIR: NOT_FOUND,
  EACCES: DENIED,
  EPERM: DENIED,
  ENOSPC: NO_SPACE,
  EDQUOT: NO_SPACE,
  EISDIR: NOT_A_FILE,
  EEXIST: {
    code: 'FILE_EXISTS',
    message: (where) => `'${where}' exists already`,
    hint: 'choose another path, or remove what is there',
  },
  EROFS: {
    code: 'DEVICE_READ_ONLY',
    message: (where) => `'${where}' can only be read: its file system or disk is read-only`,
    hint: 'open it for reading',
  },
  EBUSY: {
    code: 'LOCKED',
    message: (where) => `'${where}' is in use by another process or is mounted`,
    hint: 'end what uses it, or unmount it',
  },
};

/** A system call's name for its failure, such as `ENOENT`. */
function errnoOf(error: unknown): string | undefined {
  const isNamed = error instanceof Error && 'code' in error && typeof error.code === 'string';
  return isNamed ? String(error.code) : undefined;
}

/**
 * What a failed system call on `where` (a path) means to us. The call's own error is the cause; a
 * TidemarkError stays as it is.
 */
export function fromSystemError(error: unknown, where: string): TidemarkError {
  if (isTidemarkError(error)) return error;
  const meaning = MEANINGS[errnoOf(error) ?? ''];
  if (meaning === undefined) {
    return new TidemarkError('IO_FAILED', `input or output failed on '${where}'`, { where }, error);
  }
  const context = meaning.hint === undefined ? { where } : { where, hint: meaning.hint };
  return new TidemarkError(meaning.code, meaning.message(where), context, error);
}
