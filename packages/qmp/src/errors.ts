import { isTidemarkError } from '@tidemark/core';

/** An error as QMP carries it. `message` is its desc, in QEMU's words where QEMU has words for it. */
export class QmpError extends Error {
  override readonly name = 'QmpError';
  /** QEMU 7.2 says GenericError of almost everything, bitmaps and nodes that are missing included. */
  readonly class: string;

  constructor(errorClass: string, desc: string, cause?: unknown) {
    super(desc, cause === undefined ? undefined : { cause });
    this.class = errorClass;
  }
}

/** What a client is told of an error. Messages about bitmaps are QEMU's already and stand alone. */
export function toQmpError(error: unknown): QmpError {
  if (error instanceof QmpError) return error;
  if (!isTidemarkError(error)) {
    return new QmpError('GenericError', `internal error: ${String(error)}`, error);
  }
  const aboutBitmap = error.code.startsWith('BITMAP_') || error.cause === undefined;
  const desc = aboutBitmap ? error.message : `${error.message}: ${reason(error.cause)}`;
  return new QmpError('GenericError', desc, error);
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
