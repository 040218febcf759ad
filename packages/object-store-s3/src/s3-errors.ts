import { type ErrorCode, isTidemarkError, TidemarkError } from '@tidemark/core';

interface Answer {
  readonly name: string;
  readonly status: number | undefined;
  readonly message: string;
}

/** What a server, or the way to it, has said. */
export function answerIn(error: unknown): Answer {
  if (!(error instanceof Error)) return { name: '', status: undefined, message: String(error) };
  const { name, message } = error;
  const metadata: unknown = '$metadata' in error ? error.$metadata : undefined;
  const isFull = typeof metadata === 'object' && metadata !== null;
  const status = isFull && 'httpStatusCode' in metadata ? metadata.httpStatusCode : undefined;
  return { name, status: typeof status === 'number' ? status : undefined, message };
}

/** `If-None-Match: *` did not hold. */
export function isThere(error: unknown): boolean {
  const { name, status } = answerIn(error);
  return status === 412 || name === 'PreconditionFailed';
}

/** Somebody else was storing the same object just then. */
export function isBusy(error: unknown): boolean {
  return answerIn(error).status === 409;
}

export function isMissing(error: unknown): boolean {
  const { name, status } = answerIn(error);
  return name === 'NoSuchKey' || name === 'NotFound' || (status === 404 && name !== 'NoSuchBucket');
}

/** What a failed request means to who uses the store. */
export function s3Error(error: unknown, where: string): TidemarkError {
  if (isTidemarkError(error)) return error;
  const { name, status, message } = answerIn(error);
  const [code, hint] = meaningOf(name, status);
  return new TidemarkError(code, `${where} failed: ${name}: ${message}`, { where, hint }, error);
}

function meaningOf(name: string, status: number | undefined): readonly [ErrorCode, string] {
  if (name === 'NoSuchBucket') return ['FILE_NOT_FOUND', 'make the bucket first'];
  if (status === 403 || status === 401 || name === 'CredentialsProviderError') {
    return [
      'PERMISSION_DENIED',
      'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or look at the policy',
    ];
  }
  if (status === 507) return ['NO_SPACE', 'make room in the store'];
  if (status === undefined) return ['CONNECTION_LOST', 'check the endpoint and the network'];
  return ['IO_FAILED', 'run it again; what was stored is found'];
}
