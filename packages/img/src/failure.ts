import { type ErrorCode, TidemarkError } from '@tidemark/core';

/** What stands before each message. */
export const PROGRAM = 'tidemark img';

/** What to do next, behind a message. */
export const hintLine = (text: string): string => `${PROGRAM}: hint: ${text}\n`;

export interface FailureOptions {
  /** Of the program. Default 1. */
  readonly exitCode?: number;
  /** Printed behind the message as it is, line end included. */
  readonly after?: string;
  /** Default USAGE. */
  readonly code?: ErrorCode;
  readonly cause?: unknown;
}

/** The programs of `tidemark img` and the rest of it have a copy each of what is here. */
const BRAND = Symbol.for('tidemark.img-failure');

/**
 * A refusal in the words that qemu-img has for it: capital letters and several lines are its, for
 * who reads them may be a program that knows them.
 */
export class ImgFailure extends TidemarkError {
  readonly [BRAND] = true;
  readonly exitCode: number;
  readonly after: string;

  constructor(message: string, options: FailureOptions = {}) {
    const { code = 'USAGE', cause, exitCode = 1, after = '' } = options;
    super(code, message, {}, cause);
    this.exitCode = exitCode;
    this.after = after;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}

/** A wrong command line, which `--help` may help with. */
export function usageFailure(message: string, exitCode = 1): ImgFailure {
  const after = `Try '${PROGRAM} --help' for more information\n`;
  return new ImgFailure(message, { after, exitCode });
}

/** What qemu-img can do and this program does not. */
export function notOffered(what: string, exitCode = 1): ImgFailure {
  return new ImgFailure(`${what} is not offered here: use qemu-img for it`, { exitCode });
}
