import { type ErrorCode, isTidemarkError, TidemarkError } from '@tidemark/core';
import { MAX_STRING_BYTES } from '../protocol/limits.ts';

/** The server sent what the protocol forbids, so that nothing it sends later can be understood. */
export function protocolError(why: string): TidemarkError {
  return new TidemarkError('PROTOCOL_ERROR', why);
}

export function connectionLost(why: string, cause?: unknown): TidemarkError {
  return new TidemarkError('CONNECTION_LOST', why, {}, cause);
}

const HINTS: Partial<Record<ErrorCode, string>> = {
  PROTOCOL_ERROR: 'check that an NBD server listens there, and look for a newer one',
  CONNECTION_LOST: 'look at what the server says, and connect again',
};

/** The error as one of the drive that `label` names, with what to do next. */
export function located(error: unknown, label: string): TidemarkError {
  if (!isTidemarkError(error)) {
    return new TidemarkError('IO_FAILED', `${label}: the client failed`, { where: label }, error);
  }
  const hint = error.context.hint ?? HINTS[error.code];
  const context = { ...error.context, where: label, ...(hint !== undefined && { hint }) };
  return new TidemarkError(error.code, `${label}: ${error.message}`, context, error.cause);
}

/** A text of the server's, fit to be shown in a message: it may hold anything. */
export function serverText(bytes: Uint8Array): string {
  if (bytes.length > MAX_STRING_BYTES) {
    throw protocolError(
      `an error text of ${bytes.length} bytes, which is over ${MAX_STRING_BYTES}`,
    );
  }
  return new TextDecoder()
    .decode(bytes)
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
}
