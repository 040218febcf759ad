/** Input that is not JSON. The message is what QMP says of it. */
export class JsonError extends Error {
  override readonly name = 'JsonError';

  constructor(problem: string) {
    super(`JSON parse error, ${problem}`);
  }
}
