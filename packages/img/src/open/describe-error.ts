import { isTidemarkError } from '@tidemark/core';
import { ImgFailure } from '../failure.ts';

/** What the C library calls them (strerror(3)). */
const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EACCES: 'Permission denied',
  EBUSY: 'Device or resource busy',
  ECONNREFUSED: 'Connection refused',
  EDQUOT: 'Disk quota exceeded',
  EEXIST: 'File exists',
  EFBIG: 'File too large',
  EINVAL: 'Invalid argument',
  EIO: 'Input/output error',
  EISDIR: 'Is a directory',
  ELOOP: 'Too many levels of symbolic links',
  EMFILE: 'Too many open files',
  ENAMETOOLONG: 'File name too long',
  ENOENT: 'No such file or directory',
  ENOSPC: 'No space left on device',
  ENOTCONN: 'Transport endpoint is not connected',
  ENOTDIR: 'Not a directory',
  ENXIO: 'No such device or address',
  EOPNOTSUPP: 'Operation not supported',
  EPERM: 'Operation not permitted',
  EROFS: 'Read-only file system',
  ETXTBSY: 'Text file busy',
};

/** Of our messages those for which qemu-img has another. */
const MESSAGES: Readonly<Record<string, string>> = {
  'a data file holds no compressed clusters': 'Operation not supported',
  'a version 2 image with snapshots cannot be resized':
    "Can't resize a v2 image which has snapshots",
};

/** The system's own word for what went wrong, where it was the system that said so. */
export function systemErrorOf(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    // A host of several addresses: they fail alike.
    if (at instanceof AggregateError) return systemErrorOf(at.errors[0]);
    if ('syscall' in at && 'code' in at) return SYSTEM_ERRORS[String(at.code)] ?? at.message;
  }
  return undefined;
}

/** A message as qemu-img would word it, as far as it has one for that. */
export function describeError(error: unknown): string {
  if (error instanceof ImgFailure) return error.message;
  const system = systemErrorOf(error);
  if (system !== undefined) return system;
  if (isTidemarkError(error, 'NO_SPACE')) return 'No space left on device';
  if (isTidemarkError(error)) return MESSAGES[error.message] ?? error.message;
  throw error;
}
