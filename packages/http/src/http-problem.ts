import { type ErrorCode, isTidemarkError } from '@tidemark/core';
import type { Failure } from './schemas/service.ts';

/** Codes that only HTTP has. */
export type HttpCode =
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'CONFLICT'
  | 'BODY_TOO_LARGE'
  | 'TOO_MANY_CLIENTS'
  | 'INTERNAL';

/** What an answer of failure says besides its code and message. */
export interface ProblemDetails {
  readonly where?: string;
  /** What to do next. */
  readonly hint?: string;
  /** Methods, where another one was used. */
  readonly allow?: string;
}

/** Why a request is refused, and how it is answered. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly code: HttpCode | ErrorCode;
  readonly details: ProblemDetails;

  constructor(
    status: number,
    code: HttpCode | ErrorCode,
    message: string,
    details: ProblemDetails = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }

  get body(): Failure {
    const { where, hint } = this.details;
    const { code, message } = this;
    return { error: { code, message, ...(where && { where }), ...(hint && { hint }) } };
  }
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  USAGE: 400,
  OUT_OF_RANGE: 400,
  BITMAP_INVALID: 400,
  BITMAP_TOO_LARGE: 400,
  BITMAP_NOT_FOUND: 404,
  BITMAP_EXISTS: 409,
  BITMAP_BUSY: 409,
  BITMAP_READ_ONLY: 409,
  BITMAP_INCONSISTENT: 409,
  BITMAP_UNSUPPORTED: 409,
  STORE_READ_ONLY: 409,
  DEVICE_READ_ONLY: 409,
  DEVICE_CLOSED: 409,
  LOCKED: 409,
};

/** What an error is answered with. Of one that nobody foresaw, nothing is told. */
export function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (!isTidemarkError(error)) {
    const hint = 'the log of the daemon says what';
    return new HttpProblem(500, 'INTERNAL', 'something went wrong inside', { hint });
  }
  const { code, message, context } = error;
  const { where, hint } = context;
  const details = { ...(where !== undefined && { where }), ...(hint !== undefined && { hint }) };
  return new HttpProblem(STATUS[code] ?? 500, code, message, details);
}
