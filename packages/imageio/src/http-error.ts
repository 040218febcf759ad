/** An answer that is not what was asked for. The message is for people. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** No ticket, or one that does not allow this: nothing else on this connection is worth a try. */
export function forbidden(reason: string): HttpError {
  return new HttpError(403, reason, { connection: 'close' });
}
