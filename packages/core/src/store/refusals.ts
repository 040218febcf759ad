import { type ErrorCode, TidemarkError } from '../errors.ts';
import { MAX_BITMAPS } from '../limits.ts';
import type { DirectoryEntry } from '../backend.ts';
import type { BitmapState } from '../bitmap-info.ts';

/** What a store refuses, in the same words for every kind of store. */
export class Refusals {
  readonly #label: string;

  constructor(label: string) {
    this.#label = label;
  }

  notFound(name: string): TidemarkError {
    const text = `there is no bitmap '${name}' in ${this.#label}`;
    return this.#error('BITMAP_NOT_FOUND', text, 'list the bitmaps to see which there are', name);
  }

  exists(name: string): TidemarkError {
    const hint = 'choose another name, or remove that one first';
    return this.#error('BITMAP_EXISTS', `bitmap '${name}' exists already`, hint, name);
  }

  busy(name: string): TidemarkError {
    const hint = 'wait until it is stored or released';
    return this.#error('BITMAP_BUSY', `bitmap '${name}' is in use`, hint, name);
  }

  /** To a merge with what the same commit releases. */
  justReleased(name: string): TidemarkError {
    const text = `bitmap '${name}' is live until the commit that releases it`;
    return this.#error('BITMAP_BUSY', text, 'release it in a commit of its own first', name);
  }

  /** Undefined where the bitmap can be used. */
  ofState(
    { name, unsupported, reason }: DirectoryEntry,
    state: BitmapState,
  ): TidemarkError | undefined {
    if (state === 'unsupported') {
      const text = `bitmap '${name}' cannot be used: ${unsupported}`;
      return this.#error('BITMAP_UNSUPPORTED', text, 'remove it, or use what made it', name);
    }
    if (state === 'inconsistent') {
      const text =
        reason === undefined
          ? `bitmap '${name}' was not saved correctly and can only be removed`
          : `bitmap '${name}' cannot be trusted: ${reason}`;
      const hint = 'rescan it by its last backup, or remove it and start with a full one';
      return this.#error('BITMAP_INCONSISTENT', text, hint, name);
    }
    return undefined;
  }

  otherSize(name: string, size: number, expected: number): TidemarkError {
    const text = `bitmap '${name}' is for a disk of ${size} bytes, not ${expected}`;
    const hint = 'resize it to the size of the disk first';
    return this.#error('BITMAP_INVALID', text, hint, name);
  }

  /** To a `resize` where the backend has no such power. */
  fixedSize(): TidemarkError {
    const text = `the disk of ${this.#label} cannot get another size`;
    return this.#error('BITMAP_UNSUPPORTED', text, 'remove its bitmaps and add them again after');
  }

  noSize(size: number): TidemarkError {
    const text = `${size} is no size of a disk`;
    return this.#error('BITMAP_INVALID', text, 'give a whole number of bytes');
  }

  /** To a `resize`: what lies on disk of a live bitmap may be far more than the truth. */
  noLiveContent(name: string): TidemarkError {
    const text = `bitmap '${name}' is live, and its content for the new size is missing`;
    return this.#error('BITMAP_INVALID', text, 'give the content of each live bitmap', name);
  }

  tooMany(): TidemarkError {
    const text = `there cannot be more than ${MAX_BITMAPS} bitmaps`;
    return this.#error('BITMAP_INVALID', text, 'remove some bitmaps first');
  }

  /** To a `release` of what is not live: nobody knows its content. */
  notLive(name: string): TidemarkError {
    const text = `bitmap '${name}' is not live`;
    const hint = 'store its content, or acquire it with live first';
    return this.#error('BITMAP_INVALID', text, hint, name);
  }

  noLive(): TidemarkError {
    const text = `${this.#label} cannot keep bitmaps valid while they are in use`;
    return this.#error('BITMAP_UNSUPPORTED', text, 'acquire them without live');
  }

  readOnly(): TidemarkError {
    const text = `${this.#label} is open for reading only`;
    return this.#error('STORE_READ_ONLY', text, 'open it for writing');
  }

  closed(): TidemarkError {
    return this.#error('STORE_CLOSED', `${this.#label} is closed`, 'open it again');
  }

  failed(cause: unknown): TidemarkError {
    const context = { where: this.#label, hint: 'open it again to see what it holds' };
    return new TidemarkError('STORE_FAILED', `${this.#label} failed before`, context, cause);
  }

  #error(code: ErrorCode, message: string, hint: string, bitmap?: string): TidemarkError {
    const where = this.#label;
    return new TidemarkError(code, message, {
      where,
      hint,
      ...(bitmap !== undefined && { bitmap }),
    });
  }
}
