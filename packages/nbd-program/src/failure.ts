import { type ErrorCode, TidemarkError } from '@tidemark/core';

/** What stands before each message. */
export const PROGRAM = 'tidemark nbd';

/**
 * A refusal in the words that qemu-nbd has for it: capital letters and several lines are its, for
 * who reads them may be a program that knows them. The program ends with 1.
 */
export class NbdFailure extends TidemarkError {
  /** Printed behind the message as it is, line end included. */
  readonly after: string;

  constructor(
    message: string,
    options: {
      readonly after?: string;
      /** Default USAGE. */
      readonly code?: ErrorCode;
      readonly cause?: unknown;
    } = {},
  ) {
    const { code = 'USAGE', cause, after = '' } = options;
    super(code, message, {}, cause);
    this.after = after;
  }
}

/** What qemu-nbd can do and this program does not. */
export function notOffered(what: string): NbdFailure {
  return new NbdFailure(`${what} is not offered here: use qemu-nbd for it`);
}
