import { isTidemarkError } from '@tidemark/core';

/** A copy that failed, and on which side. */
export class CopyError extends Error {
  override readonly name = 'CopyError';
  readonly operation: 'read' | 'write';

  constructor(operation: 'read' | 'write', cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.operation = operation;
  }

  /** Room on the disk would mend it. */
  get isFull(): boolean {
    return isTidemarkError(this.cause, 'NO_SPACE');
  }

  /** What was thrown by a copy, as such. */
  static from(error: unknown): CopyError {
    return error instanceof CopyError ? error : new CopyError('read', error);
  }

  static async of<T>(operation: 'read' | 'write', work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new CopyError(operation, error);
    }
  }
}
