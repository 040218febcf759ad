import { isTidemarkError } from '@tidemark/core';
import { ImgFailure } from '../failure.ts';
import { describeError } from '../open/describe-error.ts';

/** Says at which byte of the disk a copy failed. @throws I/O codes */
export async function named<T>(what: string, offset: number, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const code = isTidemarkError(error) ? error.code : 'IO_FAILED';
    const message = `error while ${what} at byte ${offset}: ${describeError(error)}`;
    throw new ImgFailure(message, { code, cause: error });
  }
}
