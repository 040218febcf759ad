import { type ErrorCode, isTidemarkError } from '@tidemark/core';

/** Error numbers of the wire (proto.md, "Error values"). */
export const NbdErrno = {
  EPERM: 1,
  EIO: 5,
  ENOMEM: 12,
  EINVAL: 22,
  ENOSPC: 28,
  EOVERFLOW: 75,
  ENOTSUP: 95,
  ESHUTDOWN: 108,
} as const;

interface Meaning {
  readonly errno: number;
  /** For a client that meets the number. */
  readonly code: ErrorCode;
  /** Further codes that a server sends the number for. */
  readonly sentFor?: readonly ErrorCode[];
  readonly text: string;
}

/** The one table between numbers and codes, both ways. Codes that are not in it are EIO. */
const MEANINGS: readonly Meaning[] = [
  {
    errno: NbdErrno.EPERM,
    code: 'DEVICE_READ_ONLY',
    sentFor: ['PERMISSION_DENIED'],
    text: 'operation not permitted',
  },
  { errno: NbdErrno.EIO, code: 'IO_FAILED', text: 'input or output failed' },
  { errno: NbdErrno.ENOMEM, code: 'IO_FAILED', text: 'no memory is left' },
  {
    // A client that checks ranges first meets it for what else the server finds wrong.
    errno: NbdErrno.EINVAL,
    code: 'IO_FAILED',
    sentFor: ['OUT_OF_RANGE', 'BITMAP_NOT_FOUND'],
    text: 'invalid request',
  },
  { errno: NbdErrno.ENOSPC, code: 'NO_SPACE', text: 'no space is left' },
  { errno: NbdErrno.EOVERFLOW, code: 'IO_FAILED', text: 'a value is too large' },
  { errno: NbdErrno.ENOTSUP, code: 'DEVICE_UNSUPPORTED', text: 'operation not supported' },
  {
    errno: NbdErrno.ESHUTDOWN,
    code: 'CONNECTION_LOST',
    sentFor: ['DEVICE_CLOSED'],
    text: 'the server is shutting down',
  },
];

/** What a server sends for an error of a device or a bitmap. */
export function errnoOf(error: unknown): number {
  if (!isTidemarkError(error)) return NbdErrno.EIO;
  const { code } = error;
  const meaning = MEANINGS.find((row) => row.code === code || row.sentFor?.includes(code));
  return meaning?.errno ?? NbdErrno.EIO;
}

/** What a number from a server means. Numbers that the protocol does not know count as EINVAL. */
export function meaningOfErrno(errno: number): { code: ErrorCode; text: string } {
  const invalid = MEANINGS.find((row) => row.errno === NbdErrno.EINVAL)!;
  return MEANINGS.find((row) => row.errno === errno) ?? invalid;
}
