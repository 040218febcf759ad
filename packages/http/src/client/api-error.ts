/** What a request was refused with. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** Stable: for programs. */
  readonly code: string;
  readonly where: string | undefined;
  /** What to do next. */
  readonly hint: string | undefined;

  constructor(
    status: number,
    { code, message, where, hint }: Readonly<Record<string, string | undefined>>,
  ) {
    super(message ?? `it answers ${status}`);
    this.status = status;
    this.code = code ?? 'INTERNAL';
    this.where = where;
    this.hint = hint;
  }
}

/** Whatever is in the body. */
export async function apiErrorOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => undefined);
  const error: unknown = isObject(body) ? body['error'] : undefined;
  return new ApiError(response.status, isObject(error) ? textsOf(error) : {});
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function textsOf(error: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts = Object.entries(error).filter((each): each is [string, string] => {
    return typeof each[1] === 'string';
  });
  return Object.fromEntries(texts);
}
